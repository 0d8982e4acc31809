"""Pictures and meshes to look at: what an image or a mesh node made, shown by notebooks."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from . import _native

__all__ = ["Image", "Mesh"]


class Image:
    """A picture of raw pixels: red, green, blue and alpha, a byte each, rows from top to bottom.

    A notebook shows it.

    Parameters
    ----------
    pixels : bytes-like
        The pixels, as image nodes send them; or an array of bytes, rows × width × 4.
    width : int
        Pixels in a row.
    height : int, optional
        Rows; as many as there are when it is left out.

    Raises
    ------
    ValueError
        If the bytes do not fit the size.

    Examples
    --------
    >>> image = Image(bytes([255, 0, 0, 255]) * 6, width=3)
    >>> image
    <Image of 3 × 2 pixels>
    >>> image.to_png()[1:4]
    b'PNG'
    """

    def __init__(self, pixels: bytes | bytearray | memoryview, width: int, height: int | None = None) -> None:
        view = memoryview(pixels)
        shape = tuple(view.shape or ())
        if view.itemsize != 1 or (len(shape) > 1 and shape[1:] != (width, 4)):
            raise ValueError(
                f"an array of shape {shape} with {view.itemsize} bytes a number is no picture {width} pixels wide; "
                "expected bytes, or rows × width × 4 numbers of a byte: red, green, blue and alpha"
            )
        self.pixels = view.tobytes()
        self.width = width
        self.height = len(self.pixels) // (4 * width) if height is None and width > 0 else height or 0
        if width <= 0 or self.height <= 0 or len(self.pixels) != 4 * width * self.height:
            size = f"{width} × {'?' if height is None else height}"
            raise ValueError(f"{len(self.pixels)} bytes are no picture of {size} pixels of 4 bytes")

    def to_png(self) -> bytes:
        """Give the picture as a PNG file.

        Examples
        --------
        >>> from offbit_reflow import Image
        >>> Image(bytes([255, 0, 0, 255]) * 6, width=3).to_png()[1:4]
        b'PNG'
        """
        row = 4 * self.width
        # Every row begins with the filter that changes nothing.
        rows = b"".join(b"\0" + self.pixels[at : at + row] for at in range(0, len(self.pixels), row))
        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 6, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)

    def save(self, path: str | Path) -> None:
        """Write the picture to a PNG file.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> from offbit_reflow import Image
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "red.png"
        >>> Image(bytes([255, 0, 0, 255]) * 6, width=3).save(path)
        >>> path.read_bytes()[1:4]
        b'PNG'
        """
        Path(path).write_bytes(self.to_png())

    def __repr__(self) -> str:
        return f"<Image of {self.width} × {self.height} pixels>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Image):
            return NotImplemented
        return (self.width, self.height, self.pixels) == (other.width, other.height, other.pixels)

    def __hash__(self) -> int:
        return hash((self.width, self.height, self.pixels))

    def _repr_png_(self) -> bytes:
        return self.to_png()


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


class Mesh:
    """A mesh of raw vertices, as mesh nodes send it. A notebook shows it from above, shaded.

    Parameters
    ----------
    vertices : bytes-like
        Little-endian 32-bit floats: the position of each vertex, from a stride of 24 on the normal, with a stride of 36, and
        from 44 on, a colour as the last three.
    stride : int, optional
        Bytes of a vertex.
    indices : bytes-like, optional
        Little-endian 32-bit numbers of vertices, three a triangle. Without them every three vertices are one.

    Raises
    ------
    ValueError
        If a vertex cannot have so many bytes.

    Examples
    --------
    >>> import struct
    >>> mesh = Mesh(struct.pack("<9f", 0, 0, 0, 1, 0, 0, 0, 1, 0), stride=12)
    >>> mesh
    <Mesh of 1 triangle>
    >>> mesh.picture(32, 24)
    <Image of 32 × 24 pixels>
    """

    def __init__(
        self,
        vertices: bytes | bytearray | memoryview,
        stride: int = 24,
        indices: bytes | bytearray | memoryview | None = None,
    ) -> None:
        if stride < 12 or stride % 4:
            raise ValueError(f"a stride of {stride}: a vertex has at least 12 bytes, and whole floats of 4")
        self.vertices = bytes(vertices)
        self.stride = stride
        self.indices = None if indices is None else bytes(indices)

    def __len__(self) -> int:
        """How many triangles there are."""
        if self.indices is not None:
            return len(self.indices) // 12
        return len(self.vertices) // self.stride // 3

    def picture(self, width: int = 480, height: int = 360, *, yaw: float = 35.0, pitch: float = 25.0) -> Image:
        """Draw the mesh as a whole.

        Parameters
        ----------
        width, height : int, optional
            The size in pixels.
        yaw, pitch : float, optional
            Where it is seen from, in degrees: around the vertical, and above the ground.

        Examples
        --------
        >>> import struct
        >>> from offbit_reflow import Mesh
        >>> mesh = Mesh(struct.pack("<9f", 0, 0, 0, 1, 0, 0, 0, 1, 0), stride=12)
        >>> mesh.picture(32, 24, yaw=30)
        <Image of 32 × 24 pixels>
        """
        pixels = _native._draw_mesh(self.vertices, self.stride, self.indices, (width, height), (yaw, pitch))
        return Image(pixels, width, height)

    def __repr__(self) -> str:
        return f"<Mesh of {len(self):,} triangle{'' if len(self) == 1 else 's'}>"

    def _repr_png_(self) -> bytes:
        return self.picture().to_png()


def seen(value: Any, facts: Iterable[Mapping[str, Any]]) -> Image | Mesh | None:
    """Tell what bytes are by what was said beside them: a picture or a mesh whose size they have, or nothing to look at."""
    if not isinstance(value, bytes) or not value:
        return None
    for said in facts:
        width, height, stride, count = (_size(said.get(key)) for key in ("width", "height", "stride", "vertexCount"))
        if width and 4 * width * height == len(value):
            return Image(value, width, height)
        # Some nodes count the bytes of all vertices, and the stride in floats; indices stand behind the vertices.
        end = _size(said.get("vertexBytes")) or stride * count
        if count and end % (4 * count) == 0 and 12 * count <= end <= len(value):
            if end == len(value):
                return Mesh(value, end // count)
            if end + _size(said.get("indexBytes")) == len(value):
                return Mesh(value[:end], end // count, value[end:])
    return None


def _size(number: Any) -> int:
    return number if isinstance(number, int) and not isinstance(number, bool) and number > 0 else 0
