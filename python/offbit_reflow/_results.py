"""What a function has returned, told by its class alone: the hooks of an object may be slow or raise, and are not called."""

from __future__ import annotations

import inspect
from types import AsyncGeneratorType, GeneratorType
from typing import Any, Literal

Kind = Literal["awaitable", "async items", "items"]


def kind_of(result: Any) -> Kind | None:
    """Say what is to be done with a result; None for one that is the value itself."""
    cls = type(result)
    if cls is GeneratorType:
        return "awaitable" if result.gi_code.co_flags & inspect.CO_ITERABLE_COROUTINE else "items"
    if cls is AsyncGeneratorType:
        return "async items"
    return "awaitable" if hasattr(cls, "__await__") else None
