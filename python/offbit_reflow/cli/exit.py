"""How a command ends: its exit codes, and the error that stands for wrong arguments."""

from __future__ import annotations

OK = 0
#: It ran, and failed.
FAILED = 1
#: Nothing ran: the arguments, or the files they name, are not right.
USAGE = 2
#: The time limit passed; the code of ``timeout(1)``.
TIMED_OUT = 124


class UsageError(Exception):
    """Arguments, or files that they name, that are not right."""
