"""The standard streams, which may be closed, full, or read by nobody any more."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO, cast


class Lost(Exception):
    """Standard output cannot be written."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"cannot write standard output: {error.strerror}")
        #: Whoever read it has seen enough.
        self.is_unread = isinstance(error, BrokenPipeError)


def open_closed() -> None:
    """Put something in the place of streams that were closed when the process began.

    Reading or writing fails then as on a closed file, but for standard error: what is said there is heard by nobody.
    """
    if sys.stdin is None:
        sys.stdin = _nothing(os.O_WRONLY, "r")
    if sys.stdout is None:
        sys.stdout = _nothing(os.O_RDONLY, "w")
    if sys.stderr is None:
        sys.stderr = _nothing(os.O_WRONLY, "w")


def _nothing(access: int, mode: str) -> TextIO:
    """Open a stream that leads nowhere, for as long as the process lives."""
    return cast("TextIO", os.fdopen(os.open(os.devnull, access), mode, encoding="utf-8"))


def say(text: str, out: TextIO | None = None) -> None:
    """Write a line to standard error at once. Where that cannot be written, the work goes on without its words."""
    out = out or sys.stderr
    try:
        print(text, file=out, flush=True)
    except OSError:
        _silence(out)


def put(text: str) -> None:
    """Write to standard output, with a line end where there is none.

    Raises
    ------
    Lost
        If it cannot be written.
    """
    try:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
    except OSError as error:
        raise Lost(error) from error


def flush() -> None:
    """Write out what standard output still holds; raises as `put`."""
    try:
        sys.stdout.flush()
    except OSError as error:
        raise Lost(error) from error


def settle() -> None:
    """Drop what standard output still holds and cannot be written: whoever asked has been told."""
    try:
        sys.stdout.flush()
    except OSError:
        _silence(sys.stdout)


def _silence(stream: TextIO) -> None:
    """Let a stream lead nowhere: the interpreter writes out at its end what is left in it, and would complain."""
    with contextlib.suppress(OSError, ValueError):  # one that is no file of the system
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, stream.fileno())
        os.close(descriptor)
