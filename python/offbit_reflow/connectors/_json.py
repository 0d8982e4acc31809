"""How values are written as JSON."""

from __future__ import annotations

import json
from typing import Any


def _plain(value: Any) -> Any:
    for name in ("isoformat", "tolist", "item"):  # dates, arrays, their numbers
        if hasattr(value, name):
            return getattr(value, name)()
    if isinstance(value, (set, frozenset)):
        return list(value)
    raise TypeError(f"a value of type {type(value).__name__} has no JSON form")


#: Gives the JSON text of a value.
encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_plain).encode
