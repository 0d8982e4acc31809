"""What options may be."""

from __future__ import annotations

from math import isfinite
from typing import Any


def check_whole(name: str, value: Any) -> None:
    """Refuse what is no whole number of at least 1."""
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")


def check_above_0(name: str, value: Any) -> None:
    """Refuse what is no number above 0."""
    if not isinstance(value, (int, float)) or not value > 0 or not isfinite(value):
        raise ValueError(f"{name} must be a number above 0, got {value!r}")
