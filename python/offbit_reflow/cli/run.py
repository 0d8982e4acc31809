"""Run a graph to its end.

What leaves by the outports of the graph is written to standard output as it comes, a JSON object a packet; progress, what
actors say and the summary go to standard error. Ctrl-C, SIGTERM and SIGHUP end the run in order; again, they end it at once.
Exit code: 0 when all went well, 1 when something failed or no node got a packet, 2 when the arguments or files are not
right, 124 after the time limit, 130, 143 or 129 after such a signal.

  reflow run graph.json --actors my_actors.py --input path=data.csv
  reflow run graph.json --actors my_actors.py --metrics 127.0.0.1:9464 --json 2> log.jsonl
  reflow run graph.json --actors my_actors.py --watch
  reflow run graph.json --actors my_actors.py --store runs.db --run-id monday
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from time import monotonic
from typing import Any

from .. import _exit
from .._kept import Kept
from ..exceptions import RunTimeout
from ..metrics import MetricsServer
from ..network import DEFAULT_GRACE, Network
from ..result import RunResult
from . import actors, graphs, inputs, outputs, packs, report, signals
from .exit import FAILED, OK, TIMED_OUT, UsageError
from .numbers import above_0, at_least_0
from .progress import Progress
from .trace import Trace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("graph", metavar="GRAPH.json", help="a GraphExport; - reads standard input")
    add_run_arguments(parser)
    parser.add_argument(
        "--watch",
        action="store_true",
        help="load actors and the graph again when their files change, and go on; nodes keep their state where they can",
    )
    parser.add_argument("--store", metavar="FILE", help="keep the run in this store, so that it can be gone on with")
    parser.add_argument(
        "--run-id", metavar="ID", help="the id of the run in the store; one that is there is gone on with"
    )
    parser.add_argument("--force", action="store_true", help="go on with a run although the graph is another one")


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of every command that runs a graph."""
    actors.add_argument(parser)
    parser.add_argument(
        "--input",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a packet for an inport of the graph, or for NODE.PORT; JSON if it is JSON, else text; may be given again",
    )
    outputs.add_argument(parser)
    packs.add_arguments(parser)
    parser.add_argument("--events", metavar="FILE", help="write every event to this file, a JSON object a line")
    parser.add_argument("--timeout", metavar="S", type=above_0, help="stop the run after so many seconds")
    parser.add_argument(
        "--grace",
        metavar="S",
        type=at_least_0,
        default=DEFAULT_GRACE,
        help=f"how long running ticks get to end when the run is stopped; {DEFAULT_GRACE:g} by default",
    )
    parser.add_argument(
        "--metrics",
        metavar="ADDRESS",
        help="serve /metrics for Prometheus, /health and /ready while it runs, at HOST:PORT; a bare PORT is for this machine",
    )
    report.add_arguments(parser)


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    packs.load(arguments)
    if arguments.store is None and (arguments.run_id is not None or arguments.force):
        raise UsageError("--run-id and --force are about a run in a store; say which with --store FILE")
    if arguments.watch and arguments.store is not None:
        raise UsageError("--watch keeps its runs in memory; it cannot be used with --store")
    if arguments.watch:
        from . import watch  # for those who ask for it

        return watch.main(arguments)
    packets = inputs.parse(arguments.input)
    found = graphs.examine(arguments.graph, arguments.actors, list(packets))
    style = report.Style.of(arguments)
    for warning in found.warnings:
        style.note(f"{arguments.graph}: {warning}", "warning")
    return run(found.runnable(arguments.graph), packets, arguments, style, _kept(arguments))


def _kept(arguments: argparse.Namespace) -> Kept | None:
    """Give the store that the run is kept in."""
    if arguments.store is None:
        return None
    kept = Kept(arguments.store, arguments.run_id)
    kept.force = arguments.force
    return kept


def run(
    network: Network,
    packets: dict[str, Any],
    arguments: argparse.Namespace,
    style: report.Style,
    kept: Kept | None = None,
) -> int:
    """Run a network to its end, with all that there is to see of it."""
    network._kept = kept
    files = outputs.parse(arguments.output, [port for port, _, _ in network._outports()])
    status = None
    started = monotonic()
    with ExitStack() as stack:
        stack.enter_context(network)
        if arguments.metrics is not None:
            serve(stack, network, arguments.metrics, style)
        stack.enter_context(Trace(network, arguments.events))
        stack.enter_context(Progress(network, sys.stderr, style))
        stack.enter_context(outputs.Outputs(network, files))
        try:
            result = network.run(inputs=packets, timeout=arguments.timeout, collect=False, grace=arguments.grace)
        except RunTimeout as error:
            _exit.has_waited()
            style.note(f"reflow: {error}", "error")
            status, result = TIMED_OUT, network.result()
        except KeyboardInterrupt as error:
            _exit.has_waited()
            style.note(f"reflow: ended by {str(error) or 'Ctrl-C'}", "error")
            status, result = signals.exit_code(error), network.result()
    style.result(result, monotonic() - started)
    if kept is not None:
        again = (
            "" if result.state == "finished" else f"; go on with it: reflow resume {result.run_id} --store {kept.store}"
        )
        style.note(f"run {result.run_id}: {result.state}{again}", "info")
    return status_of(result) if status is None else status


def status_of(result: RunResult) -> int:
    """Give the exit code of a run that came to an end by itself."""
    return OK if result.ok else FAILED


def serve(stack: ExitStack, network: Network, address: str, style: report.Style) -> None:
    """Serve metrics until the stack is left, and say where."""
    try:
        server = stack.enter_context(MetricsServer(network, address))
    except ValueError as error:
        raise UsageError(f"--metrics: {error}") from error
    except OSError as error:
        raise UsageError(f"--metrics {address}: {error.strerror or error}") from error
    style.note(f"metrics at http://{server.address}/metrics", "info")
