"""List the runs of a store, or delete some.

reflow runs --store runs.db --state interrupted
reflow runs --store runs.db --delete-older-than 30 --keep 100
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time

from .._printable import printable
from ..store import Store
from .exit import FAILED, OK
from .numbers import at_least_0, count
from .resume import runs_store
from .streams import put, say

_DAY = 86_400.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--store", metavar="FILE", required=True, help="the store")
    parser.add_argument(
        "--state",
        choices=["running", "finished", "failed", "cancelled", "interrupted"],
        help="only runs in this state; interrupted: their process has died",
    )
    parser.add_argument("--text", help="only runs with this in their id or in the name of their graph")
    parser.add_argument("--days", type=at_least_0, metavar="N", help="only runs that began in the last so many days")
    parser.add_argument("--limit", type=count, metavar="N", help="only the newest so many")
    parser.add_argument("--json", action="store_true", help="write a JSON object a run")
    parser.add_argument("--delete", metavar="ID", help="delete this run")
    parser.add_argument(
        "--delete-older-than", metavar="DAYS", type=at_least_0, help="delete runs that ended longer ago"
    )
    parser.add_argument("--keep", metavar="N", type=count, help="delete all runs but the newest so many")
    parser.add_argument(
        "--interrupted", action="store_true", help="with those two: interrupted runs, too, which can be gone on with"
    )


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    store = Store(runs_store(arguments.store))
    if arguments.delete or arguments.delete_older_than is not None or arguments.keep is not None:
        if arguments.delete:
            store.show(arguments.delete)  # an id that is not there is a mistake
        age = None if arguments.delete_older_than is None else arguments.delete_older_than * _DAY
        gone = store.prune(arguments.delete, older_than_s=age, keep=arguments.keep, interrupted=arguments.interrupted)
        put(printable("\n".join([*(f"deleted {run}" for run in gone), f"{len(gone)} runs deleted"])))
        if arguments.delete and arguments.delete not in gone:
            pid = store.show(arguments.delete).run.pid
            say(printable(f"run `{arguments.delete}` was not deleted: process {pid} works on it"))
            return FAILED
        return OK
    since = None if arguments.days is None else time.time() - arguments.days * _DAY
    runs = store.runs(state=arguments.state, text=arguments.text, since=since, limit=arguments.limit)
    if arguments.json:
        for run in runs:
            put(json.dumps(dataclasses.asdict(run)))
    else:
        put(str(runs))
    return OK
