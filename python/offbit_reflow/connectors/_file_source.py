"""A source that reads files, one after the other."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._steps import Step
from ._file_sink import being_read

#: What may become of a row that cannot be read.
ON_BAD_ROW = ("error", "ignore", "route")


@dataclass
class BadRow:
    """A row that cannot be read, where the rest of the file can."""

    line: int
    error: str
    row: Any
    cause: Exception


class FileSource(Step):
    """A source that reads files, one after the other.

    What `path` gets is the name of a file, a pattern such as ``logs/*.csv``, or a list of both.
    """

    inports = ["path"]
    outports = ["out"]
    _first = "path"

    def run(self, ctx: Any) -> Iterator[dict[str, Any]]:
        """Read the files of one packet."""
        for path in files_of(ctx["path"]):
            with being_read(ctx, path):
                yield from self.read(ctx, path)

    if TYPE_CHECKING:  # every source has its own

        def read(self, ctx: Any, path: Any) -> Iterator[dict[str, Any]]:
            """Read a file."""


class RowSource(FileSource):
    """A source of text files, which may go on behind a row that cannot be read."""

    outports = ["out", "error"]

    @classmethod
    def _outports_for(cls, options: Mapping[str, Any]) -> list[str]:
        """Name the outports that a flow has for these options: `error` is there for who asks for it."""
        return ["out", "error"] if options.get("on_bad_row") == "route" else ["out"]

    def prepare(self, ctx: Any) -> None:
        """Check the options."""
        if self.on_bad_row not in ON_BAD_ROW:
            raise ValueError(f"on_bad_row must be error, ignore or route, got {self.on_bad_row!r}")

    def read(self, ctx: Any, path: Any) -> Iterator[dict[str, Any]]:
        """Read a file, and do what is to be done with rows that cannot be read."""
        bad = 0
        for row in self.rows(path):
            if type(row) is not BadRow:
                yield {"out": row}
            elif self.on_bad_row == "error":
                raise ValueError(f"{os.fsdecode(path)}, line {row.line}{row.error}") from row.cause
            else:
                bad += 1
                if self.on_bad_row == "route":
                    where = {"path": os.fsdecode(path), "line": row.line}
                    yield {"error": {"error": row.error.lstrip(", :"), **where, "row": row.row}}
                elif bad == 1:
                    ctx.log(f"{os.fsdecode(path)}, line {row.line}{row.error}; the row is passed over", "warning")
        if bad > 1 and self.on_bad_row == "ignore":
            ctx.log(f"{os.fsdecode(path)}: {bad:,} rows were passed over", "warning")

    if TYPE_CHECKING:  # every source has its own
        on_bad_row: str

        def rows(self, path: Any) -> Iterator[Any]:
            """Give the rows of a file, a `BadRow` for one that cannot be read."""


def files_of(path: Any) -> Iterator[Any]:
    """Give the files that a path, a pattern or a list of them stands for, in order."""
    if isinstance(path, (list, tuple)):
        for one in path:
            yield from files_of(one)
        return
    name = os.fsdecode(path)
    if not glob.has_magic(name) or os.path.exists(name):
        yield path
        return
    found = sorted(glob.glob(name, recursive=True))
    if not found:
        raise FileNotFoundError(f"no file is called like {name}")
    yield from found
