"""Parts of the package that a build may lack."""

from __future__ import annotations

from typing import Any

import offbit_reflow

from .exit import UsageError


def require(name: str) -> Any:
    """Give a public name of the package."""
    found = getattr(offbit_reflow, name, None)
    if found is None:
        raise UsageError(f"this build of offbit_reflow {offbit_reflow.__version__} has no `{name}`")
    return found
