"""Importing the Python part of packs: exactly the files that the pack lists, as they are listed."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

#: Where the modules of packs live, each pack in a package of its own.
NAMESPACE = "offbit_reflow_packs"


def package_of(pack: str) -> str:
    """Name the package of a pack, a different one for every pack."""
    fit = pack.replace("_", "__").replace(".", "_dot_").replace("-", "_dash_")
    return f"{NAMESPACE}.{fit}"


class _Loader(SourceFileLoader):
    """Loads source files whose digests are known, and data beside them. Bytecode is neither read nor written."""

    def __init__(self, fullname: str, path: str, digests: Mapping[str, str]) -> None:
        super().__init__(fullname, path)
        self._digests = digests

    def path_stats(self, path: str) -> Mapping[str, Any]:
        raise OSError("nobody vouches for bytecode")

    def get_data(self, path: str) -> bytes:
        data = super().get_data(path)
        if hashlib.sha256(data).hexdigest() != self._digests.get(path):
            raise ImportError(f"{path!r} is not as the pack lists it", name=self.name)
        return data


class _PackFinder(MetaPathFinder):
    """Finds the modules of one pack, and nothing that lies beside them."""

    def __init__(self, package: str, directory: Path, files: Mapping[str, str]) -> None:
        self.package = package
        self._directory = directory
        self._files = files
        self._digests = {str(directory / name): digest for name, digest in files.items()}
        self._folders = {folder.as_posix() for name in files for folder in Path(name).parents}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == self.package:
            return self._folder(fullname, ".")
        if not fullname.startswith(self.package + "."):
            return None
        place = fullname[len(self.package) + 1 :].replace(".", "/")
        for name, is_package in ((f"{place}/__init__.py", True), (f"{place}.py", False)):
            if name in self._files:
                file = str(self._directory / name)
                locations = [str(self._directory / place)] if is_package else None
                loader = _Loader(fullname, file, self._digests)
                return spec_from_file_location(fullname, file, loader=loader, submodule_search_locations=locations)
        for suffix in EXTENSION_SUFFIXES:
            # An extension is loaded by its path; the cache was checked just before.
            if place + suffix in self._files:
                file = str(self._directory / (place + suffix))
                return spec_from_file_location(fullname, file, loader=ExtensionFileLoader(fullname, file))
        return self._folder(fullname, place) if place in self._folders else None

    def _folder(self, fullname: str, place: str) -> ModuleSpec:
        spec = ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = [str(self._directory / place)]
        return spec


class PackModules:
    """The modules of one pack, importable until they are removed."""

    def __init__(self, pack: str, directory: Path, files: Mapping[str, str]) -> None:
        self.package = package_of(pack)
        self._finder = _PackFinder(self.package, directory, files)
        self.remove()
        if NAMESPACE not in sys.modules:
            namespace = ModuleType(NAMESPACE, "The modules of actor packs, each pack in a package of its own.")
            namespace.__path__ = []
            sys.modules[NAMESPACE] = namespace
        sys.meta_path.insert(0, self._finder)

    def find(self, target: str) -> object:
        """Import ``module:Class``."""
        module, _, name = target.partition(":")
        found: object = importlib.import_module(f"{self.package}.{module}")
        for part in name.split("."):
            found = getattr(found, part)
        return found

    def remove(self) -> None:
        """Forget every module of the pack, and how to find it."""
        sys.meta_path[:] = [
            finder
            for finder in sys.meta_path
            if not (isinstance(finder, _PackFinder) and finder.package == self.package)
        ]
        for name in [name for name in sys.modules if name == self.package or name.startswith(self.package + ".")]:
            del sys.modules[name]
        namespace = sys.modules.get(NAMESPACE)
        if namespace is not None:
            vars(namespace).pop(self.package.rpartition(".")[2], None)
