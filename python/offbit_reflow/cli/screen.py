"""A terminal with a picture at its bottom, which what others write does not spoil."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self, TextIO


class Screen:
    """Draws a picture in place while the block runs.

    What is printed or logged to the terminal meanwhile is written above the picture, line by line: the `write` of the
    streams themselves is replaced, so that handlers which hold a stream take part.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lock = threading.RLock()
        self._drawn = 0
        self._writes: dict[int, Callable[[str], Any]] = {}
        self._partial: dict[int, str] = {}
        self._streams: list[TextIO] = []

    def __enter__(self) -> Self:
        for stream in (self._out, sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            if stream is None or id(stream) in self._writes or not (stream is self._out or _is_terminal(stream)):
                continue
            write = stream.write
            try:
                stream.write = partial(self._write, stream)  # type: ignore[method-assign]  # lines are drawn above the table
            except AttributeError:
                continue  # a stream of somebody's own, without room for it
            self._writes[id(stream)] = write
            self._partial[id(stream)] = ""
            self._streams.append(stream)
        return self

    def __exit__(self, *exc: object) -> None:
        with self._lock:
            for stream in self._streams:
                del stream.write
                if self._partial[id(stream)]:
                    self._drawn = 0
                    stream.write(self._partial[id(stream)] + "\n")
            self._streams = []

    def _write(self, stream: TextIO, text: str) -> int:
        with self._lock:
            lines, newline, rest = (self._partial[id(stream)] + text).rpartition("\n")
            self._partial[id(stream)] = rest
            if newline:
                self.erase()
                self._writes[id(stream)](lines + newline)
                stream.flush()
        return len(text)

    def draw(self, lines: Sequence[str]) -> None:
        """Draw the picture in place of the last one."""
        with self._lock:
            self.erase()
            self._raw("".join(line + "\n" for line in lines))
            self._drawn = len(lines)

    def erase(self) -> None:
        """Take the picture away."""
        with self._lock:
            if self._drawn:
                self._raw(f"\x1b[{self._drawn}A\x1b[J")
                self._drawn = 0

    def _raw(self, text: str) -> None:
        self._writes.get(id(self._out), self._out.write)(text)
        self._out.flush()


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # none, or closed
        return False
