"""A sink that writes one file, whatever is in it."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from .._steps import Step
from ..exceptions import ReflowError


class Output(Protocol):
    """What a node writes a file by."""

    is_closed: bool

    def close(self) -> None:
        """Let the file go, however the run ended."""


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
#: By run and path of the file, all links followed: how many sources read it.
_readers: Counter[tuple[int, str]] = Counter()


@contextmanager
def being_read(ctx: Any, path: Any) -> Iterator[None]:
    """Keep the sinks of the run from emptying a file, or adding to it, while a source of the run reads it."""
    run, real = ctx._run_number, os.path.realpath(os.fsdecode(path))
    with _claims_lock:
        claim = _claims.get(real)
        if claim is not None and claim.run == run and not claim.is_over:
            raise ReflowError(f"{path}: the node `{claim.node}` writes this file; read it when that has ended")
        _readers[run, real] += 1
    try:
        yield
    finally:
        with _claims_lock:
            _readers[run, real] -= 1
            if not _readers[run, real]:
                del _readers[run, real]


def refuse_read(ctx: Any, path: Path) -> None:
    """Refuse to write a file in its place while a source of the run reads it."""
    if path.is_file() and _readers[ctx._run_number, os.path.realpath(path)]:
        raise ReflowError(f"{path}: this run reads the file that it is to write; give another path")


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
