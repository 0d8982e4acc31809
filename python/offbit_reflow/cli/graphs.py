"""Graphs from files, for the commands that look at them without running them."""

from __future__ import annotations

from ..exceptions import ReflowError
from ..graph import Graph
from .exit import UsageError
from .files import read_export


def load(name: str) -> Graph:
    """Read a `Graph` from a GraphExport file."""
    export = read_export(name)
    try:
        return Graph.from_json(export)
    except ReflowError as error:
        raise UsageError(f"{name}: {error}") from error
