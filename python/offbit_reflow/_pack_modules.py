"""Importing the Python part of packs: exactly the files that the pack lists, as they are listed."""

from __future__ import annotations

import hashlib
import importlib
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec, SourceFileLoader
from importlib.resources.abc import Traversable, TraversableResources
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


def _checked(path: str, data: bytes, digests: Mapping[str, str]) -> bytes:
    if hashlib.sha256(data).hexdigest() != digests.get(path):
        raise ImportError(f"{path!r} is not as the pack lists it")
    return data


class _File(Traversable):
    """A file that the pack lists, or a folder of such, for `importlib.resources`."""

    def __init__(self, path: Path, digests: Mapping[str, str]) -> None:
        self._path, self._digests = path, digests

    @property
    def name(self) -> str:
        return self._path.name

    def iterdir(self) -> Iterator[Traversable]:
        inside = (Path(path) for path in self._digests)
        names = {path.relative_to(self._path).parts[0] for path in inside if self._path in path.parents}
        return (_File(self._path / name, self._digests) for name in sorted(names))

    def is_dir(self) -> bool:
        return any(self._path in Path(path).parents for path in self._digests)

    def is_file(self) -> bool:
        return str(self._path) in self._digests

    def joinpath(self, *descendants: Any) -> Traversable:
        return _File(self._path.joinpath(*descendants), self._digests)

    __truediv__ = joinpath

    def read_bytes(self) -> bytes:
        if not self.is_file():
            raise FileNotFoundError(f"the pack lists no {str(self._path)!r}")
        return _checked(str(self._path), self._path.read_bytes(), self._digests)

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        return self.read_bytes().decode(encoding or "utf-8", errors or "strict")

    def open(self, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        data = io.BytesIO(self.read_bytes())
        return data if "b" in mode else io.TextIOWrapper(data, *arguments, **options)


class _Resources(TraversableResources):
    """The files beside a module of a pack."""

    def __init__(self, folder: Path, digests: Mapping[str, str]) -> None:
        self._folder, self._digests = folder, digests

    def files(self) -> Traversable:
        return _File(self._folder, self._digests)


class _FolderLoader(Loader):
    """Loads a folder without a module of its own."""

    def __init__(self, folder: Path, digests: Mapping[str, str]) -> None:
        self._folder, self._digests = folder, digests

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Run nothing."""

    def get_resource_reader(self, _name: str) -> TraversableResources:
        return _Resources(self._folder, self._digests)


class _Loader(SourceFileLoader):
    """Loads source files whose digests are known, and data beside them. Bytecode is neither read nor written."""

    def __init__(self, fullname: str, path: str, digests: Mapping[str, str]) -> None:
        super().__init__(fullname, path)
        self._digests = digests

    def path_stats(self, path: str) -> Mapping[str, Any]:
        raise OSError("nobody vouches for bytecode")

    def get_data(self, path: str) -> bytes:
        return _checked(path, super().get_data(path), self._digests)

    def get_resource_reader(self, _name: str) -> TraversableResources:  # type: ignore[override]  # stubs know files only
        return _Resources(Path(self.path).parent, self._digests)


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
        loader = _FolderLoader(self._directory / place, self._digests)
        spec = ModuleSpec(fullname, loader, is_package=True)
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
