"""SIGTERM and SIGHUP end a command as Ctrl-C does: in order, and with the exit code that shells know."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: What ends a command; Windows has no SIGHUP.
NAMES = ("SIGTERM", "SIGHUP")


class Signalled(KeyboardInterrupt):
    """A signal that asks the process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def exit_code(error: KeyboardInterrupt) -> int:
    """Give the code of a process that a signal has ended."""
    return 128 + (error.number if isinstance(error, Signalled) else signal.SIGINT)


@contextmanager
def ending() -> Iterator[None]:
    """Raise `Signalled` in the main thread when such a signal comes while the block runs; one that is ignored stays so."""
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        numbers = []
    before = {number: signal.getsignal(number) for number in numbers}
    taken = [number for number in numbers if before[number] is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, _raise)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, before[number])


def _raise(number: int, _frame: FrameType | None) -> None:
    raise Signalled(number)
