"""List the results of ticks that a store keeps, or forget some.

A node keeps its results with `policy.cache`. They are listed by component.

reflow cache --store runs.db
reflow cache --store runs.db --clear my_model
reflow cache --store runs.db --clear
"""

from __future__ import annotations

import argparse
import json

from .._printable import printable
from ..store import Store, _table, _time
from .exit import OK
from .resume import runs_store
from .streams import put


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--store", metavar="FILE", required=True, help="the store")
    parser.add_argument(
        "--clear",
        nargs="?",
        const="",
        metavar="COMPONENT",
        help="forget the results of this component; without one, all",
    )
    parser.add_argument("--json", action="store_true", help="write a JSON object a component")


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    store = Store(runs_store(arguments.store))
    if arguments.clear is not None:
        gone = store.cache.clear(arguments.clear or None)
        whose = f" of {arguments.clear}" if arguments.clear else ""
        put(printable(f"{gone:,} results{whose} forgotten"))
        return OK
    rows = store.cached()
    if arguments.json:
        for row in rows:
            put(json.dumps(row))
    elif rows:
        cells = [[row["component"], f"{row['results']:,}", f"{row['bytes']:,}", _time(row["newest"])] for row in rows]
        put(_table(("component", "results", "bytes", "newest"), cells))
    else:
        put("no results")
    return OK
