"""What comes with an extra of the package, and how a missing one is told."""

from __future__ import annotations

import importlib
from typing import Any

from .exceptions import ReflowError


def needs(module: str, extra: str) -> Any:
    """Import a module of an extra.

    Raises
    ------
    ReflowError
        If it is not installed; the text says what to install.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ReflowError(f"this needs {module.split('.')[0]}: pip install 'offbit-reflow[{extra}]'") from error
