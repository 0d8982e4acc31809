"""``--input name=value``: what comes into the network from outside."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from .exit import UsageError


def parse(arguments: Sequence[str]) -> dict[str, Iterator[Any]]:
    """Collect inputs: by name, the packets in the order in which they were given.

    A value is JSON where it parses as JSON, else text: ``n=3`` is the number 3, ``s=three`` and ``s='"3"'`` are strings.
    """
    packets: dict[str, list[Any]] = {}
    for argument in arguments:
        name, equals, text = argument.partition("=")
        if not equals or not name:
            raise UsageError(f"--input {argument}: expected name=value")
        packets.setdefault(name, []).append(_value(text))
    return {name: iter(values) for name, values in packets.items()}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
