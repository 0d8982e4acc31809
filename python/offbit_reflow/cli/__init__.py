"""The command line: ``reflow run``, ``check``, ``draw`` and so on; `COMMANDS` has them all."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from .. import __version__
from .._printable import printable
from ..exceptions import ReflowError, StoreError
from . import (
    cache,
    check,
    completion,
    components,
    compose,
    diff,
    draw,
    pack,
    replay,
    report,
    resume,
    run,
    runs,
    show,
    signals,
    streams,
)
from .exit import FAILED, USAGE, UsageError

COMMANDS = (run, resume, replay, runs, show, cache, check, draw, diff, compose, components, pack, completion)


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints about arguments are safe to show, and say what may be meant."""

    def error(self, message: str) -> NoReturn:
        if message.endswith(" required: COMMAND"):  # whoever asks for nothing wants to know what there is
            self.print_help(sys.stderr)
            self.exit(USAGE)
        super().error(printable(message))

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            near = get_close_matches(str(value), map(str, action.choices), 1)
            if near:
                raise argparse.ArgumentError(action, f"invalid choice: {value!r}; did you mean {near[0]!r}?")
        super()._check_value(action, value)

    def _print_message(self, message: str, file: Any = None) -> None:
        # The original takes no notice of what it cannot write.
        if message and file is sys.stdout:
            streams.put(message)
            streams.flush()
        elif message:
            streams.say(message.rstrip("\n"), file)


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


def _say(arguments: argparse.Namespace, text: str) -> None:
    """Say why the command came to nothing, as it says everything else."""
    if hasattr(arguments, "log_level"):
        report.Style.of(arguments).note(f"reflow: {text}", "error")
    else:
        streams.say(printable(f"reflow: {text}"))


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
    streams.open_closed()
    arguments = argparse.Namespace()
    try:
        with signals.ending():
            build_parser().parse_args(argv, arguments)
            status: int = arguments.command(arguments)
            streams.flush()
    except (UsageError, StoreError) as error:  # a store that cannot be used as asked: nothing ran
        _say(arguments, str(error))
        return USAGE
    except streams.Lost as error:
        if not error.is_unread:
            _say(arguments, str(error))
        return FAILED
    except BrokenPipeError:
        return FAILED
    except (ReflowError, OSError) as error:
        _say(arguments, str(error))
        return FAILED
    except KeyboardInterrupt as error:
        _say(arguments, f"ended by {str(error) or 'Ctrl-C'}")
        return signals.exit_code(error)
    finally:
        streams.settle()
    return status
