"""Actor packs: `.rflpack` bundles that bring templates at run time."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any

from . import _native
from ._native import inspect_pack, list_packs, pack_abi_version
from .actor import build
from .exceptions import PackError

#: Where the modules of packs live, each pack in a package of its own.
_NAMESPACE = "offbit_reflow_packs"


def load_pack(
    path: str | PathLike[str], *, allow_python: bool = False, trusted_keys: Iterable[str] | None = None
) -> list[str]:
    """Load a pack and make its templates available to `template_actor` and to networks.

    Parameters
    ----------
    path : path
        A `.rflpack` bundle, or a raw shared library. Loading the same pack again does nothing.
    allow_python : bool
        Whether Python code in the bundle may run when no trusted key has signed it.
    trusted_keys : iterable of str, optional
        Public keys, 64 hexadecimal digits each: only packs that one of them has signed are loaded.

    Returns
    -------
    list of str
        The ids of its templates, sorted.

    Raises
    ------
    PackError
        When the pack is refused; nothing of it is registered then (a RuntimeError).
    """
    pack = _native._load_pack(path, allow_python, None if trusted_keys is None else list(trusted_keys))
    if "python" in pack:
        directory, classes = pack["python"]
        handles = {id_: build(_find(pack["name"], Path(directory), target)) for id_, target in classes.items()}
        for id_, handle in handles.items():
            _native._add_template(id_, handle)
    return list(pack["templates"])


def _find(pack: str, directory: Path, target: str) -> Any:
    """Import `module:Class` of a pack, in a package of the pack's own."""
    module_name, _, class_name = target.partition(":")
    package = f"{_NAMESPACE}.{re.sub(r'[^0-9a-zA-Z_]', '_', pack)}"
    for name, place in ((_NAMESPACE, None), (package, directory)):
        if name not in sys.modules:
            spec = importlib.util.spec_from_loader(name, loader=None, is_package=True)
            assert spec is not None
            module = importlib.util.module_from_spec(spec)
            module.__path__ = [] if place is None else [str(place)]
            sys.modules[name] = module
    try:
        module = importlib.import_module(f"{package}.{module_name}")
        return getattr(module, class_name)
    except Exception as error:
        raise PackError(f"pack `{pack}`: its Python template {target} cannot be imported: {error}") from error


__all__ = ["inspect_pack", "list_packs", "load_pack", "pack_abi_version"]
