"""A sink that writes rows to a text file."""

from __future__ import annotations

import codecs
import os
import sys
import threading
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from ..exceptions import ReflowError
from ._file_sink import FileSink, refuse_read
from ._files import has_content, opened

#: Rows that were written may wait so long before they are in the file, in seconds.
FLUSH_EVERY = 1.0


class Text:
    """A text file that is written, row by row."""

    def __init__(self, path: Path, encoding: str, *, append: bool) -> None:
        goes_on = append and has_content(path)
        joined = goes_on and not _ends_a_line(path, encoding)
        if goes_on and path.suffix == ".gz":  # what is added is compressed by itself, and is not the begin of the text
            encoding = _without_mark(encoding)
        self.file = opened(path, "a" if append else "w", encoding, newline="")
        #: Whether there is nothing in the file yet.
        self.is_empty = not goes_on
        self.rows = 0
        self.is_closed = False
        self.columns: list[str] | None = None
        self.lock = threading.Lock()
        self._encoding, self._marks = encoding, _without_mark(encoding) != encoding
        self._flushed = monotonic()
        if joined:
            self.file.write("\n")

    def begin(self, text: str) -> None:
        """Write what stands before the first row."""
        if self._marks:
            text.encode(self._encoding)  # a text that it cannot have would take the mark at the begin with it
        self.file.write(text)
        self.is_empty = False

    def write(self, text: str) -> None:
        """Write the text of one row."""
        self.begin(text)
        self.rows += 1
        now = monotonic()
        if now - self._flushed > FLUSH_EVERY:
            self.file.flush()
            self._flushed = now

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self.is_closed = True
            self.file.close()


class TextSink(FileSink):
    """A sink that writes rows to a text file, and tells at the end how many there were."""

    inports = ["row"]

    path: str
    append: bool = False
    encoding: str = "utf-8"

    def prepare(self, ctx: Any) -> None:
        """Open the file."""
        codecs.lookup(self.encoding)
        path = Path(os.fsdecode(self.path))
        refuse_read(ctx, path)
        self._take(ctx, path, lambda: self.begin(path))

    def begin(self, path: Path) -> Text:
        """Open the file."""
        return Text(path, self.encoding, append=self.append)

    if TYPE_CHECKING:  # every sink has its own

        def text(self, row: Any) -> str:
            """Give what is written for a row."""

    def run(self, ctx: Any) -> None:
        """Write a row."""
        output: Text = self._output
        text = self.text(ctx["row"])
        with output.lock:
            if ctx.resolved:  # given up meanwhile: the attempt after this one writes it, or none
                return
            if output.is_closed:
                raise ReflowError(f"{self.path} is closed")
            output.write(text)
        ctx.done()

    def finalize(self, ctx: Any) -> None:
        """Close the file, and say what is in it."""
        if self._output is not None:
            self._output.close()
            ctx.send({"out": {"path": os.fsdecode(self.path), "rows": self._output.rows}})


def _without_mark(encoding: str) -> str:
    """Name the encoding that is the same but for the mark at the begin of a file."""
    name = codecs.lookup(encoding).name
    order = "le" if sys.byteorder == "little" else "be"
    return {"utf-8-sig": "utf-8", "utf-16": f"utf-16-{order}", "utf-32": f"utf-32-{order}"}.get(name, encoding)


def _ends_a_line(path: Path, encoding: str) -> bool:
    """Tell whether a file that is not empty ends with a whole line."""
    if path.suffix == ".gz":
        last = ""
        with opened(path, "r", encoding, newline="") as file:
            while text := file.read(1 << 20):
                last = text[-1]
        return last in ("", "\n")
    with path.open("rb") as raw:
        raw.seek(-min(4, path.stat().st_size), os.SEEK_END)
        return raw.read().rstrip(b"\0").endswith(b"\n")  # also where a character has two bytes or four
