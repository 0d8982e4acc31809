"""How values are written as JSON."""

from __future__ import annotations

import dataclasses
import json
import os
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID


def _plain(value: Any) -> Any:
    for name in ("isoformat", "tolist", "item"):  # dates, arrays, their numbers
        if hasattr(value, name):
            return getattr(value, name)()
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, (Decimal, UUID)):  # a number of JSON is read as a float by most
        return str(value)
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    raise TypeError(f"a value of type {type(value).__name__} has no JSON form")


#: Gives the JSON text of a value.
encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_plain).encode
