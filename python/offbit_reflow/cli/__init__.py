"""The command line: ``reflow run``, ``check``, ``draw`` and so on; `COMMANDS` has them all."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from .. import __version__
from .._printable import printable
from ..exceptions import ReflowError, StoreError
from . import cache, check, completion, components, compose, diff, draw, pack, replay, resume, run, runs, show, signals
from .exit import FAILED, USAGE, UsageError

COMMANDS = (run, resume, replay, runs, show, cache, check, draw, diff, compose, components, pack, completion)


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints about arguments are safe to show."""

    def error(self, message: str) -> NoReturn:
        super().error(printable(message))


class _Overview(argparse.HelpFormatter):
    """A line a command: all of them fit a screen."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=16)
        self._action_max_length = 14


def build_parser() -> argparse.ArgumentParser:
    """Make the parser with all subcommands."""
    parser = _Parser(
        prog="reflow",
        description="Run, check, draw and compare graphs; `reflow COMMAND --help` explains a command.",
        formatter_class=_Overview,
    )
    parser.add_argument("--version", action="version", version=f"reflow {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        name = command.__name__.rsplit(".", 1)[-1]
        summary, _, details = (command.__doc__ or "").partition("\n")
        subparser = subparsers.add_parser(
            name,
            help=summary.rstrip("."),
            description=summary,
            epilog=details.strip("\n").rstrip(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(subparser)
        subparser.set_defaults(command=command.main)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process by default.

    Returns
    -------
    int
        0: all is well. 1: it ran, and failed. 2: nothing ran, because of the arguments or the files they name.
        124: the time limit passed. 130, 143, 129: Ctrl-C, SIGTERM or SIGHUP ended it.
    """
    arguments = build_parser().parse_args(argv)
    try:
        with signals.ending():
            status: int = arguments.command(arguments)
            sys.stdout.flush()
    except (UsageError, StoreError) as error:  # a store that cannot be used as asked: nothing ran
        print(printable(f"reflow: {error}"), file=sys.stderr)
        return USAGE
    except ReflowError as error:
        print(printable(f"reflow: {error}"), file=sys.stderr)
        return FAILED
    except KeyboardInterrupt as error:
        print(f"reflow: ended by {str(error) or 'Ctrl-C'}", file=sys.stderr)
        return signals.exit_code(error)
    except BrokenPipeError:
        # Whoever read our output has seen enough; the interpreter must not try to flush it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return status
