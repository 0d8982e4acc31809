"""Containers of all kinds, by which the native half sees whether this interpreter lays them out as it knows."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

IS_CPYTHON = sys.implementation.name == "cpython"


def containers() -> Iterator[tuple[Any, list[Any]]]:
    """Give lists and dicts, each with the values that are in it."""
    for items in ([], [0], list(range(300))):
        yield items, list(items)
    dicts: list[dict[Any, Any]] = [
        {},
        {"a": 0},
        {str(number): number for number in range(300)},
        {number: str(number) for number in range(300)},
        {number if number % 2 else str(number): number for number in range(30)},
    ]
    for pairs in dicts:
        if len(pairs) > 2:
            del pairs[list(pairs)[1]]  # a hole in the middle
        yield pairs, list(pairs.values())


def states() -> Iterator[dict[str, int]]:
    """Give one dict, as it is after one change and another."""
    changing: dict[str, int] = {}
    yield changing
    changing["a"] = 0
    yield changing
    changing["a"] = 1
    yield changing
    changing.update(a=2)
    yield changing
    changing.setdefault("b", 3)
    yield changing
    changing |= {"b": 4}
    yield changing
    del changing["a"]
    yield changing
    changing.clear()
    yield changing
