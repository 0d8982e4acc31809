"""Show what is different between two graphs: + what came, - what went, ~ what changed.

Order is no difference, except that of packets at one port. Exit code: 0 when they are the same, 1 when they differ.
"""

from __future__ import annotations

import argparse

from . import graphs
from .exit import FAILED, OK
from .files import write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("before", metavar="BEFORE.json", help="a GraphExport")
    parser.add_argument("after", metavar="AFTER.json", help="another")


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    difference = str(graphs.load(arguments.before).diff(graphs.load(arguments.after)))
    if not difference:
        return OK
    write_text(None, difference)
    return FAILED
