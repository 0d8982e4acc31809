"""Look into pack files (.rflpack) and load them.

reflow pack inspect filters.rflpack
reflow pack load filters.rflpack
"""

from __future__ import annotations

import argparse
import json

from .capability import require
from .exit import FAILED, OK

_ACTIONS = {
    "inspect": "print the manifest; no code of the pack is run",
    "load": "load the pack and print the components that it brings",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "action", choices=list(_ACTIONS), help="; ".join(f"{a}: {text}" for a, text in _ACTIONS.items())
    )
    parser.add_argument("pack", metavar="PACK.rflpack", help="the file")


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    function = require(f"{arguments.action}_pack")
    try:
        answer = function(arguments.pack)
    except (OSError, RuntimeError, ValueError) as error:
        print(f"{arguments.pack}: {error}")
        return FAILED
    print("\n".join(answer) if arguments.action == "load" else json.dumps(answer, indent=2, ensure_ascii=False))
    return OK
