"""What sources and sinks of files share, and how a missing extra is told."""

from __future__ import annotations

import codecs
import gzip
import importlib
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import IO, Any, cast

from .._steps import Step
from ..exceptions import ReflowError

#: Rows that were written may wait so long before they are in the file, in seconds.
FLUSH_EVERY = 1.0


def needs(module: str, extra: str) -> Any:
    """Import a module of an extra.

    Raises
    ------
    ReflowError
        If it is not installed; the text says what to install.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ReflowError(f"this needs {module.split('.')[0]}: pip install 'offbit-reflow[{extra}]'") from error


def opened(path: Any, mode: str, encoding: str, newline: str | None = None) -> IO[str]:
    """Open a text file; one whose name ends with ``.gz`` is compressed."""
    if os.fsdecode(path).endswith(".gz"):
        return cast("IO[str]", gzip.open(path, f"{mode}t", encoding=encoding, newline=newline))
    return cast("IO[str]", open(path, mode, encoding=encoding, newline=newline))


def has_content(path: Path) -> bool:
    """Tell whether there is a file with something in it."""
    if not path.is_file() or path.stat().st_size == 0:
        return False
    if path.suffix == ".gz":
        with gzip.open(path) as file:
            return file.read(1) != b""
    return True


def not_in_encoding(path: Any, encoding: str, error: UnicodeError) -> ValueError:
    """Say that a file is not in the encoding that it is read by."""
    return ValueError(f"{path}: {error}; is it in another encoding than {encoding}?")


class Output:
    """What a node writes a file by."""

    is_closed = False

    def close(self) -> None:
        """Let the file go, however the run ended."""
        raise NotImplementedError(f"{type(self).__name__} does not define close(self)")


@dataclass
class _Claim:
    """A file that a node writes in a run; `users` are the instances of its actor that are there."""

    path: str
    run: int
    node: str
    output: Output | None = None
    users: int = 0

    @property
    def is_over(self) -> bool:
        return self.output is not None and self.output.is_closed


#: By the path of the file, all links followed. Those of a run are kept until another one begins a file.
_claims: dict[str, _Claim] = {}
_claims_lock = threading.Lock()


class FileSink(Step):
    """A sink that writes one file.

    A node whose attempt was given up may go on with a fresh instance, which takes over what the one before writes by. Two nodes
    cannot write one file.
    """

    outports = ["out"]

    _claim: _Claim | None = None
    _output: Any = None

    def _take(self, ctx: Any, path: Path, begin: Callable[[], Output]) -> None:
        """Take over what the node writes the file by; its first instance makes it."""
        run, node, real = ctx._run_number, ctx.node_id, os.path.realpath(path)
        if path.exists() and not path.is_file():
            real += f"\0{run} {node}"  # a terminal or a pipe may have several writers
        with _claims_lock:
            for other in [one for one in _claims.values() if not one.users and one.run != run]:
                del _claims[other.path]
            claim = _claims.get(real)
            is_other = claim is not None and (claim.run, claim.node) != (run, node)
            if claim is not None and is_other and (claim.run == run or not claim.is_over):
                raise ReflowError(
                    f"{path}: the node `{claim.node}` writes this file already; lead both into one node, or give another path"
                )
            if claim is None or claim.is_over:
                claim = _claims[real] = _Claim(real, run, node)
            claim.users += 1
        self._claim = claim
        if claim.output is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            claim.output = begin()
        self._output = claim.output

    def teardown(self) -> None:
        """Let the file go; the last instance of the node closes it, however the run ended."""
        claim, self._claim = self._claim, None
        if claim is None:
            return
        with _claims_lock:
            claim.users -= 1
            is_last = claim.users == 0
            if is_last and claim.output is None:
                del _claims[claim.path]
        if is_last and claim.output is not None:
            claim.output.close()


class Text(Output):
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
        self.columns: list[str] | None = None
        self.lock = threading.Lock()
        self._encoding, self._marks = encoding, _without_mark(encoding) != encoding
        self._flushed = monotonic()
        if joined:
            self.file.write("\n")

    def write(self, text: str) -> None:
        """Write the text of one row."""
        if self._marks:
            text.encode(self._encoding)  # a text that it cannot have would take the mark at the begin with it
        self.file.write(text)
        self.rows += 1
        self.is_empty = False
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
        self._take(ctx, path, lambda: self.begin(path))

    def begin(self, path: Path) -> Text:
        """Open the file."""
        return Text(path, self.encoding, append=self.append)

    def text(self, row: Any) -> str:
        """Give what is written for a row."""
        raise NotImplementedError(f"{type(self).__name__} does not define text(self, row)")

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
