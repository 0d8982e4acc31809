"""Drawing on pixels, and films of pictures."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

Color = tuple[int, int, int]


class Canvas:
    """A picture to draw on: red, green and blue, a byte each."""

    def __init__(self, width: int, height: int, color: Color = (18, 20, 28)) -> None:
        self.width, self.height = width, height
        self.pixels = bytearray(bytes(color) * (width * height))

    def dot(self, x: float, y: float, size: int, color: Color) -> None:
        """Draw a square around a place."""
        self.box(x - size / 2, y - size / 2, x + size / 2, y + size / 2, color)

    def box(self, left: float, top: float, right: float, bottom: float, color: Color) -> None:
        """Fill a rectangle."""
        start, end = max(int(left), 0), min(int(right), self.width)
        for row in range(max(int(top), 0), min(int(bottom), self.height)):
            if end > start:
                at = 3 * (row * self.width + start)
                self.pixels[at : at + 3 * (end - start)] = bytes(color) * (end - start)

    def triangle(self, corners: list[tuple[float, float]], color: Color) -> None:
        """Fill a triangle, row by row."""
        ys = [y for _, y in corners]
        for row in range(max(int(min(ys)), 0), min(int(max(ys)) + 1, self.height)):
            cuts = []
            for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
                if ay != by and min(ay, by) <= row <= max(ay, by):
                    cuts.append(ax + (bx - ax) * (row - ay) / (by - ay))
            if cuts:
                self.box(min(cuts), row, max(cuts) + 1, row + 1, color)


class Film:
    """Pictures one after another. A notebook shows them moving."""

    def __init__(self, canvases: Iterable[Canvas], fps: int = 20) -> None:
        self.canvases, self.fps = list(canvases), fps

    def to_png(self) -> bytes:
        """Give the film as an animated PNG file."""
        first = self.canvases[0]
        header = struct.pack(">IIBBBBB", first.width, first.height, 8, 2, 0, 0, 0)
        chunks = [(b"IHDR", header), (b"acTL", struct.pack(">II", len(self.canvases), 0))]
        number = 0
        for index, canvas in enumerate(self.canvases):
            size = (canvas.width, canvas.height)
            chunks.append((b"fcTL", struct.pack(">IIIIIHHBB", number, *size, 0, 0, 1, self.fps, 0, 0)))
            number += 1
            row = 3 * canvas.width
            data = zlib.compress(
                b"".join(b"\0" + canvas.pixels[at : at + row] for at in range(0, len(canvas.pixels), row))
            )
            if index == 0:
                chunks.append((b"IDAT", data))
            else:
                chunks.append((b"fdAT", struct.pack(">I", number) + data))
                number += 1
        chunks.append((b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            for name, data in chunks
        )

    def save(self, path: str | Path) -> None:
        """Write the film to a file."""
        Path(path).write_bytes(self.to_png())

    def _repr_png_(self) -> bytes:
        return self.to_png()
