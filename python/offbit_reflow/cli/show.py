"""Show a run of a store: nodes, failures, times.

Failed attempts come with their tracebacks.

reflow show monday --store runs.db
"""

from __future__ import annotations

import argparse
import dataclasses
import json

from ..store import Store
from .exit import OK
from .resume import runs_store
from .streams import put


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("run_id", metavar="RUN", help="the id of the run; `reflow runs` lists them")
    parser.add_argument("--store", metavar="FILE", required=True, help="the store that has it")
    parser.add_argument("--json", action="store_true", help="write it as one JSON object")


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    details = Store(runs_store(arguments.store)).show(arguments.run_id)
    if not arguments.json:
        put(str(details))
        return OK
    failures = [
        {**failure, "inputs": {port: message.as_json() for port, message in failure["inputs"].items()}}
        for failure in details.failures
    ]
    shown = {
        **dataclasses.asdict(details.run),
        "nodes": details.nodes,
        "failures": failures,
        "timeline": [dict(zip(("at", "node", "what", "detail"), moment, strict=True)) for moment in details.timeline],
        "graph": details.graph.to_json(),
    }
    put(json.dumps(shown, default=repr))
    return OK
