"""The parameters of what users write."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any


def signature_of(function: Callable[..., Any], *, follow_wrapped: bool = True) -> inspect.Signature:
    """Tell the parameters of a function, whatever their annotations mean: names that only type checkers know may be in them."""
    if sys.version_info >= (3, 14):
        import annotationlib

        names = annotationlib.Format.FORWARDREF
        return inspect.signature(function, follow_wrapped=follow_wrapped, annotation_format=names)
    return inspect.signature(function, follow_wrapped=follow_wrapped)
