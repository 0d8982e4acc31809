"""Repeat a recorded run, tick by tick.

The file is one that `run(record=...)` has written. Ticks start in the recorded order, with a virtual clock. Exit code as for
`reflow run`.

  reflow replay run.rfltrace --actors my_actors.py --until 20 --node parse
"""

from __future__ import annotations

import argparse
import json

from .._printable import printable
from ..exceptions import NetworkError
from ..replay import Replay, Step
from . import actors
from .exit import FAILED, UsageError
from .numbers import count
from .streams import put


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", metavar="FILE", help="the recording")
    actors.add_argument(parser)
    parser.add_argument("--until", metavar="N", type=count, help="stop after the Nth tick")
    parser.add_argument("--node", metavar="ID", help="show the ticks of this node only")
    parser.add_argument("--step", action="store_true", help="wait for Enter after each tick that is shown")
    parser.add_argument(
        "--break", dest="breaks", metavar="A.OUT[:B.IN]", action="append", default=[], help="stop at a connection"
    )


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    try:
        replay = Replay(arguments.file)
    except (OSError, NetworkError) as error:
        raise UsageError(str(error)) from error
    with replay:
        actors.register(replay.network, arguments.actors)
        last = replay.ticks if arguments.until is None else min(arguments.until, replay.ticks)
        breaks = [tuple(each.split(":", 1)) for each in arguments.breaks]
        while replay.position < last and (step := replay.step()) is not None:
            if arguments.node in (None, step.node):
                show(step)
                if arguments.step and not _goes_on():
                    break
            if any(_is(event, *each) for event in step.events for each in breaks):
                put(f"stopped: a packet went over {' '.join(arguments.breaks)}")
                break
        result = replay.network._result(replay._begin())
        return FAILED if result.failures else 0


def show(step: Step) -> None:
    """Write a tick."""
    put(printable(f"{step.number:>6}  {step.node}"))
    for port, value in step.sent:
        put(printable(f"        {port}: {json.dumps(value, default=str)[:200]}"))
    for event in step.events:
        if event["_type"] == "ActorFailed":
            put(printable(f"        failed: {event['error']}"))


def _goes_on() -> bool:
    try:
        return input() != "q"
    except EOFError:
        return False


def _is(event: dict[str, str], source: str, target: str | None = None) -> bool:
    if event["_type"] != "MessageSent" or f"{event['fromActor']}.{event['fromPort']}" != source:
        return False
    return target in (None, f"{event['toActor']}.{event['toPort']}")
