"""Make, pack, look at, check, sign and strip actor packs (.rflpack).

reflow pack new my-pack
reflow pack build my-pack
reflow pack inspect my-pack.rflpack
"""

from __future__ import annotations

import argparse
import sys

from .. import _native
from .._printable import printable
from .exit import FAILED, OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        metavar="COMMAND ...",
        help="new, build, inspect, verify, keygen, sign, strip, list or abi; `reflow pack help` explains them",
    )


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    said, error = _native._pack_command(arguments.words)
    sys.stdout.write(printable(said))
    if error is not None:
        print(printable(f"error: {error}"), file=sys.stderr)
        return FAILED
    return OK
