"""Graphs from files, for the commands that look at them without running them."""

from __future__ import annotations

from typing import Any

from ..exceptions import ReflowError
from .capability import require
from .exit import UsageError
from .files import read_export


def load(name: str) -> Any:
    """Read a `Graph` from a GraphExport file."""
    export = read_export(name)
    try:
        return require("Graph").from_json(export)
    except ReflowError as error:
        raise UsageError(f"{name}: {error}") from error
