"""Check graphs: everything that is wrong with them, before anything runs.

With --actors, components, ports and configs are checked too: nodes can be made of the actors given and of the catalog.
Exit code: 0 when there is no error (warnings may be printed), 1 when there is one, 2 when a file is no GraphExport.
"""

from __future__ import annotations

import argparse

from .._printable import printable
from ..network import Network
from . import actors, graphs
from .exit import FAILED, OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("graphs", metavar="GRAPH.json", nargs="+", help="a GraphExport; - reads standard input")
    actors.add_argument(parser)
    parser.add_argument("--strict", action="store_true", help="let warnings fail the command too")


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    components = None
    if arguments.actors:
        components = Network()
        actors.register(components, arguments.actors)
    status = OK
    for name in arguments.graphs:
        findings = graphs.load(name).check(components)
        for finding in findings:
            print(printable(f"{name}: {finding}"))
        if any(arguments.strict or finding.is_error for finding in findings):
            status = FAILED
    return status
