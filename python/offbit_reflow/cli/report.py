"""What a run says beside its outputs: as text for people, or with ``--json`` as JSON objects, a line each."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from typing import Any, Self

from .. import _summary
from .._printable import printable
from ..result import RunResult
from .streams import say

LEVELS = ("debug", "info", "warning", "error")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing on standard error but errors")
    parser.add_argument(
        "--json",
        action="store_true",
        help="write logs, failures and the summary as JSON objects, a line each, to standard error",
    )
    parser.add_argument(
        "--log-level",
        metavar="LEVEL",
        type=str.lower,
        choices=LEVELS,
        help=f"what actors say from this level on: {', '.join(LEVELS)}; debug by default, error with --quiet",
    )


@dataclass(frozen=True)
class Style:
    """How a run speaks."""

    quiet: bool = False
    json: bool = False
    level: str = "debug"

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Self:
        """Read the arguments."""
        return cls(arguments.quiet, arguments.json, arguments.log_level or ("error" if arguments.quiet else "debug"))

    def write(self, kind: str, **members: Any) -> None:
        """Write a JSON object."""
        line = {"time": timestamp(time.time()), "type": kind, **members}
        say(json.dumps(line, default=repr, ensure_ascii=True))

    def note(self, text: str, level: str) -> None:
        """Say something about the run as a whole."""
        if LEVELS.index(level) < LEVELS.index("error" if self.quiet else "debug"):
            return
        if self.json:
            self.write("note", level=level, message=text.removeprefix("reflow: "))
        else:
            say(printable(text))

    def result(self, result: RunResult, seconds: float) -> None:
        """Sum a run up."""
        if self.json:
            failures = [
                {"node": kind.first.node, "error": kind.first.error, "reason": kind.first.reason, "count": kind.count}
                for kind in _summary.kinds(result.failures)
            ]
            if not self.quiet or not result.ok:
                self.write(
                    "result",
                    state=result.state,
                    ok=result.ok,
                    reason=result.reason,
                    seconds=round(seconds, 3),
                    failures=failures,
                    failures_dropped=result.failures_dropped,
                    nodes=result.nodes,
                )
        elif not self.quiet:
            say(printable(_summary.text(result)))
        elif not result.ok:
            say(printable(_summary.headline(result)))


def timestamp(seconds: float) -> str:
    """Write a moment down: UTC, as RFC 3339 has it, to the millisecond."""
    whole = int(seconds)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{int((seconds - whole) * 1000):03d}Z"
