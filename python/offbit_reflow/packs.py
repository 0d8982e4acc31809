"""Actor packs: `.rflpack` bundles that bring templates at run time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from . import _native
from ._actor import build
from ._native import inspect_pack, list_packs, pack_abi_version
from ._printable import printable
from .exceptions import PackError

if TYPE_CHECKING:
    from ._pack_modules import PackModules

#: The pack whose engine `onnx` is a library that Python may have.
_ML = "reflow.pack.ml"

#: Held while a pack is loaded; its modules may load packs that they need.
_LOADING = threading.RLock()


def load_pack(
    path: str | PathLike[str], *, allow_python: bool = False, trusted_keys: Iterable[str] | None = None
) -> list[str]:
    """Load a pack and make its templates available to `template_actor` and to networks.

    Parameters
    ----------
    path : path
        A `.rflpack` bundle, or a raw shared library. Loading the same pack again does nothing, but checks it again.
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
        When the pack is refused; nothing of it is left then (a RuntimeError). Ids and names that are taken, by the
        bundled catalog or by another pack, are a reason.

    Examples
    --------
    >>> from offbit_reflow import load_pack
    >>> load_pack("acme-words.rflpack", trusted_keys=["4e80…"])  # doctest: +SKIP
    ['acme_words_shout']
    """
    if isinstance(trusted_keys, str):
        raise PackError("trusted_keys must be a list of public keys, got a text")
    with _LOADING:
        pack = _native._open_pack(path, allow_python, None if trusted_keys is None else list(trusted_keys))
        name = pack.name
        if pack.python is None:
            templates = list(pack.register({}))
            if name == _ML:
                _tell_of_runtime()
            return templates
        from ._pack_modules import PackModules  # the import machinery it brings is for packs with Python only

        directory, classes, files = pack.python
        modules = PackModules(pack.name, directory, files)
        try:
            handles = {id_: _template(pack.name, modules, target) for id_, target in classes.items()}
            return list(pack.register(handles))
        except BaseException:
            modules.remove()
            pack.discard()
            raise


def _tell_of_runtime() -> None:
    """Tell the pack of models where an installed `onnxruntime` has its library; nothing of it is imported."""
    try:
        found = find_spec("onnxruntime")
    except (ImportError, ValueError):  # something else of that name, which has no place
        return
    folders = [str(Path(place) / "capi") for place in (found and found.submodule_search_locations) or ()]
    with contextlib.suppress(PackError):  # a pack of that name that is not ours
        _native._call_pack(_ML, "look_in", {"folders": folders})


def _template(pack: str, modules: PackModules, target: str) -> _native.Actor:
    try:
        return build(modules.find(target))
    except Exception as error:
        text = f"pack `{pack}`: its Python template {target} cannot be used: {type(error).__name__}: {error}"
        raise PackError(printable(text)) from error


__all__ = ["inspect_pack", "list_packs", "load_pack", "pack_abi_version"]
