"""Go on with a run of a store.

What was done is not done again, and what was not done is done. The graph is the stored one. What leaves by its outports is
written from the beginning, that of earlier processes first. Exit code as for `reflow run`.

  reflow resume monday --store runs.db --actors my_actors.py
"""

from __future__ import annotations

import argparse

from .._kept import Kept
from ..network import Network
from . import actors, inputs, packs, report, run
from .exit import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("run_id", metavar="ID", help="the id of the run; `reflow runs` lists them")
    parser.add_argument("--store", metavar="FILE", required=True, help="the store that has it")
    run.add_run_arguments(parser)


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    packs.load(arguments)
    packets = inputs.parse(arguments.input)
    network = Network.resume(arguments.run_id, runs_store(arguments.store))
    actors.register(network, arguments.actors)
    errors, warnings = network._findings(network._endpoints(packets))
    if errors:
        raise UsageError("\n- ".join([f"run {arguments.run_id} cannot run:", *errors]))
    style = report.Style.of(arguments)
    for warning in warnings:
        style.note(f"{arguments.run_id}: {warning}", "warning")
    return run.run(network, packets, arguments, style, Kept(arguments.store, arguments.run_id))


def runs_store(name: str) -> str:
    """Check that a store is there: asking for what is in it must not make one."""
    from pathlib import Path

    if not Path(name).exists():
        raise UsageError(f"--store {name}: there is no such file")
    if Path(name).is_file() and not Path(name).stat().st_size:
        raise UsageError(f"--store {name}: the file is empty, and no store")
    return name
