"""Run a graph to its end.

What leaves by the outports of the graph is written to standard output as it comes, a JSON object a packet; progress and the
summary go to standard error. Ctrl-C, SIGTERM and SIGHUP end the run in order; again, they end it at once. Exit code: 0 when
all went well, 1 when something failed or no node got a packet, 2 when the arguments or files are not right, 124 after the
time limit, 130, 143 or 129 after such a signal.

  reflow run graph.json --actors my_actors.py --input path=data.csv
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from .. import _summary
from .._printable import printable
from ..exceptions import RunTimeout
from ..network import DEFAULT_GRACE, Network
from . import actors, graphs, inputs, outputs, signals
from .exit import FAILED, OK, TIMED_OUT, UsageError
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
    outputs.add_argument(parser)
    parser.add_argument("--events", metavar="FILE", help="write every event to this file, a JSON object a line")
    parser.add_argument("--timeout", metavar="S", type=_seconds, help="stop the run after so many seconds")
    parser.add_argument(
        "--grace",
        metavar="S",
        type=_grace,
        default=DEFAULT_GRACE,
        help=f"how long running ticks get to end when the run is stopped; {DEFAULT_GRACE:g} by default",
    )


def _seconds(text: str) -> float:
    seconds = float(text)
    if not seconds > 0:
        raise argparse.ArgumentTypeError(f"must be above 0, got {text}")
    return seconds


def _grace(text: str) -> float:
    seconds = float(text)
    if not seconds >= 0:
        raise argparse.ArgumentTypeError(f"must be at least 0, got {text}")
    return seconds


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    packets = inputs.parse(arguments.input)
    found = graphs.examine(arguments.graph, arguments.actors, list(packets))
    if found.errors or found.network is None:
        raise UsageError("\n- ".join([f"{arguments.graph} cannot run:", *found.errors]))
    for warning in found.warnings:
        print(printable(f"{arguments.graph}: {warning}"), file=sys.stderr)
    return _run(found.network, packets, arguments)


def _run(network: Network, packets: dict[str, Any], arguments: argparse.Namespace) -> int:
    files = outputs.parse(arguments.output, [port for port, _, _ in network._outports()])
    status = None
    with (
        network,
        Trace(network, arguments.events),
        Progress(network, sys.stderr),
        outputs.Outputs(network, files),
    ):
        try:
            result = network.run(inputs=packets, timeout=arguments.timeout, collect=False, grace=arguments.grace)
        except RunTimeout as error:
            print(f"reflow: {error}", file=sys.stderr)
            status, result = TIMED_OUT, network.result()
        except KeyboardInterrupt as error:
            print(f"reflow: ended by {str(error) or 'Ctrl-C'}", file=sys.stderr)
            status, result = signals.exit_code(error), network.result()
    print(printable(_summary.text(result)), file=sys.stderr)
    if status is None:
        status = OK if result.ok else FAILED
    return status
