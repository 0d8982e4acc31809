"""What sinks that write files share, and how a missing extra is told."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from time import monotonic
from typing import Any, TextIO

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


class TextSink(Step):
    """A sink that writes rows to a text file, and tells at the end how many there were."""

    inports = ["row"]
    outports = ["out"]

    path: str
    append: bool = False
    encoding: str = "utf-8"

    def prepare(self, ctx: Any) -> None:
        """Open the file."""
        path = Path(os.fspath(self.path))
        path.parent.mkdir(parents=True, exist_ok=True)
        self._rows = 0
        self._flushed = monotonic()
        self._file: TextIO | None = path.open("a" if self.append else "w", encoding=self.encoding, newline="")

    def write(self, file: TextIO, row: Any) -> None:
        """Write one row."""
        raise NotImplementedError(f"{type(self).__name__} does not define write(self, file, row)")

    def run(self, ctx: Any) -> None:
        """Write a row."""
        if self._file is None:
            raise ReflowError(f"{self.path} is closed")
        self.write(self._file, ctx["row"])
        self._rows += 1
        now = monotonic()
        if now - self._flushed > FLUSH_EVERY:
            self._file.flush()
            self._flushed = now
        ctx.done()

    def finalize(self, ctx: Any) -> None:
        """Close the file, and say what is in it."""
        if getattr(self, "_file", None) is not None:
            self._close()
            ctx.send({"out": {"path": str(self.path), "rows": self._rows}})

    def teardown(self) -> None:
        """Close the file, however the run ended."""
        self._close()

    def _close(self) -> None:
        file = getattr(self, "_file", None)
        if file is not None:
            self._file = None
            file.close()
