"""Show what differs between two graphs.

+ is what came, - what went, ~ what changed.
Order is no difference, except that of packets at one port. Exit code: 0 when they are the same, 1 when they differ.
"""

from __future__ import annotations

import argparse
import dataclasses
import json

from . import graphs
from .exit import FAILED, OK
from .files import write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("before", metavar="BEFORE.json", help="a GraphExport")
    parser.add_argument("after", metavar="AFTER.json", help="another")
    parser.add_argument("--json", action="store_true", help="write the differences as a JSON object")


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    difference = graphs.load(arguments.before).diff(graphs.load(arguments.after))
    if arguments.json:
        members = dataclasses.asdict(difference)
        del members["text"]
        write_text(None, json.dumps(members, ensure_ascii=False))
    if not difference:
        return OK
    if not arguments.json:
        write_text(None, str(difference))
    return FAILED
