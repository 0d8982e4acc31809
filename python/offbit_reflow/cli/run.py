"""Run a graph to its end.

What leaves by the outports of the graph is written to standard output, a JSON object a packet; progress and the summary
go to standard error. Exit code: 0 when all went well, 1 when something failed, 2 when nothing ran, 124 after the time
limit.

  reflow run graph.json --actors my_actors.py --input path=data.csv
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from ..exceptions import GraphError, NetworkError, RunTimeout
from ..network import Network
from ..result import RunResult
from . import actors, inputs, summary
from .exit import FAILED, OK, TIMED_OUT, UsageError
from .files import read_export
from .progress import Progress
from .trace import Trace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("graph", metavar="GRAPH.json", help="a GraphExport; - reads standard input")
    actors.add_argument(parser)
    parser.add_argument(
        "--input",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a packet for an inport of the graph, or for NODE.PORT; JSON if it is JSON, else text; may be given again",
    )
    parser.add_argument("--events", metavar="FILE", help="write every event to this file, a JSON object a line")
    parser.add_argument("--timeout", metavar="S", type=_seconds, help="stop the run after so many seconds")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not seconds > 0:
        raise argparse.ArgumentTypeError(f"must be above 0, got {text}")
    return seconds


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    packets = inputs.parse(arguments.input)
    try:
        network = Network.from_graph(read_export(arguments.graph))
        actors.register(network, arguments.actors)
        problems, warnings = network._findings()
    except (GraphError, NetworkError) as error:
        raise UsageError(f"{arguments.graph}: {error}") from error
    if problems:
        raise UsageError("\n- ".join([f"{arguments.graph} cannot run:", *problems]))
    for warning in warnings:
        print(f"{arguments.graph}: {warning}", file=sys.stderr)
    return _run(network, packets, arguments)


def _run(network: Network, packets: dict[str, Any], arguments: argparse.Namespace) -> int:
    for name in packets:
        try:
            network._endpoint(name)
        except NetworkError as error:
            raise UsageError(f"--input {name}: {error}") from error
    with network, Trace(network, arguments.events), Progress(network, sys.stderr):
        try:
            result = network.run(inputs=packets, timeout=arguments.timeout)
        except RunTimeout as error:
            print(f"reflow: {error}", file=sys.stderr)
            return TIMED_OUT
    _write_outputs(result)
    print(summary.text(result), file=sys.stderr)
    return OK if result.ok else FAILED


def _write_outputs(result: RunResult) -> None:
    for port, values in result.outputs.items():
        for value in values:
            print(json.dumps({port: value}, default=repr, ensure_ascii=False))
