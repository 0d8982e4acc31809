"""Check a graph: everything that is wrong with it, before anything runs.

Exit code: 0 when there is no error (warnings may be printed), 1 when there is one, 2 when the file is no GraphExport.
"""

from __future__ import annotations

import argparse

from . import graphs
from .exit import FAILED, OK


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("graphs", metavar="GRAPH.json", nargs="+", help="a GraphExport; - reads standard input")
    parser.add_argument("--strict", action="store_true", help="let warnings fail the command too")


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    status = OK
    for name in arguments.graphs:
        findings = graphs.load(name).check()
        for finding in findings:
            print(f"{name}: {finding}")
        if any(arguments.strict or finding.severity == "error" for finding in findings):
            status = FAILED
    return status
