"""Find what is wrong with graphs, before anything runs.

What is found is what `reflow run` says and refuses, too. Nodes can be made of the actors given and of the catalog; without
--actors, components that are not in the catalog are not checked.
Exit code: 0 when there is no error (warnings may be printed), 1 when there is one, 2 when a file is no GraphExport.
"""

from __future__ import annotations

import argparse
import json

from .._printable import printable
from ..network import Network
from . import actors, graphs, packs
from .exit import FAILED, OK
from .streams import put


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("graphs", metavar="GRAPH.json", nargs="+", help="a GraphExport; - reads standard input")
    actors.add_argument(parser)
    packs.add_arguments(parser)
    parser.add_argument("--strict", action="store_true", help="let warnings fail the command too")
    parser.add_argument("--json", action="store_true", help="write findings as JSON objects, a line each")


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    packs.load(arguments)
    status = OK
    for name in arguments.graphs:
        found = graphs.examine(name, arguments.actors)
        errors, warnings = found.errors, found.warnings
        if not arguments.actors and any(_is_unknown(error) for error in errors):
            # Nobody has said where its actors are: then there is nothing to compare them with.
            known = graphs.load(name).check(Network())
            errors = [str(finding) for finding in known if finding.is_error and finding.kind != "unknown-component"]
            warnings = [str(finding) for finding in known if not finding.is_error]
        for level, findings in (("error", errors), ("warning", warnings)):
            for finding in findings:
                if arguments.json:
                    put(json.dumps({"graph": name, "level": level, "finding": finding}))
                else:
                    put(printable(f"{name}: {finding}"))
        if errors or (arguments.strict and warnings):
            status = FAILED
    return status


def _is_unknown(error: str) -> bool:
    return error.startswith("error G001 ")
