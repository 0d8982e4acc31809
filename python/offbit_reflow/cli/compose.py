"""Compose graphs into one, as a request file says.

What is written is a GraphExport.
"""

from __future__ import annotations

import argparse
import json

from ..exceptions import ReflowError
from ..graph import compose_graphs
from .exit import OK, UsageError
from .files import read_json, write_text

_KEYS = ("graphs", "connections", "shared_resources", "properties", "case_sensitive")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("request", metavar="REQUEST.json", help="what compose_graphs() takes; - reads standard input")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write it; standard output by default")


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    request = read_json(arguments.request)
    if isinstance(request, dict) and request and not any(key in request for key in (*_KEYS, "processes")):
        known = ", ".join(f"`{key}`" for key in _KEYS)
        raise UsageError(f"{arguments.request}: this is no request to compose graphs; its keys would be {known}")
    try:
        export = compose_graphs(request)
    except ReflowError as error:
        raise UsageError(f"{arguments.request}: {error}") from error
    write_text(arguments.output, json.dumps(export, indent=2, ensure_ascii=False))
    return OK
