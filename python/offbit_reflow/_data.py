"""What may stand in a graph: values that JSON has a form for."""

from __future__ import annotations

from typing import Any

from . import _native
from .exceptions import ConversionError


def why_no_data(name: str, value: Any) -> str | None:
    """Say why a value cannot stand in a graph under this name; None if it can."""
    try:
        _native.Graph("").add_node("", "", {name: value})
    except ConversionError as error:
        return str(error).removeprefix("python → json: at ")
    return None
