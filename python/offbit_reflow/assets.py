"""The store of assets that components of the catalog share: blobs and JSON under ids, which make entities."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from . import _native

__all__ = ["Asset", "AssetStore", "AssetWatch"]

atexit.register(_native._flush_assets)


@dataclass(frozen=True)
class Asset:
    """An asset and what is known of it.

    Attributes
    ----------
    id : str
        The id, `name:component`.
    name : str
        The entity: what stands before the last colon of the id.
    type : str
        What it is, by the text behind the last colon: mesh, texture, skeleton, animation, skinweights, material, scene,
        audio, video, or generic.
    data : bytes or JSON
        The content.
    size : int
        The bytes that the content takes as it is stored.
    hash : str
        32 hex digits of the content.
    tags : tuple of str
        Its tags.
    metadata : JSON
        What whoever stored it says of it.
    created_at, updated_at : str
        When it was first stored and last changed, in whole seconds of UTC.
    is_json : bool
        Whether the content is JSON.

    Examples
    --------
    >>> from offbit_reflow import AssetStore
    >>> store = AssetStore(":memory:asset")
    >>> store.put("player:mesh", bytes(48), tags=["hero"])
    >>> asset = store.get("player:mesh")
    >>> asset.name, asset.type, asset.size, asset.tags
    ('player', 'mesh', 48, ('hero',))
    """

    id: str
    name: str
    type: str
    data: Any
    size: int
    hash: str
    tags: tuple[str, ...]
    metadata: Any
    created_at: str
    updated_at: str
    is_json: bool


class AssetStore:
    """A database of assets in a directory, or in memory.

    All who name the same directory in one process share one store: components of the catalog with that `$db`, and this. Nothing
    is read before it is asked for, and the directory is made by the first change. A change is on its way to the disk when a
    call returns, and is not lost when the process is killed; several processes may work on one directory. Databases written
    by version 0.2.9 are read and written.

    Parameters
    ----------
    path : str or path-like
        The directory. `:memory:`, and anything that begins so, names a database without files, which lives as long as the
        process.

    Raises
    ------
    AssetError
        By every method, when the database cannot be read or written.

    Examples
    --------
    >>> store = AssetStore(":memory:example")
    >>> store.put("player:transform", {"position": [0, 1, 0]}, tags=["hero"])
    >>> store.put("player:mesh", bytes(48), metadata={"stride": 24})
    >>> store["player:transform"]
    {'position': [0, 1, 0]}
    >>> store.update("player:transform", lambda old: {**old, "visible": True})
    {'position': [0, 1, 0], 'visible': True}
    >>> store.components_of("player")
    ['transform', 'mesh']
    >>> [row["id"] for row in store.query(size={"$gt": 40})]
    ['player:mesh']
    >>> store.delete("player:mesh")
    >>> "player:mesh" in store
    False
    """

    def __init__(self, path: str | os.PathLike[str] = "./assets.db") -> None:
        self._native = _native._AssetStore(os.fspath(path))

    @property
    def path(self) -> str:
        """The directory, as an absolute path.

        Examples
        --------
        >>> from offbit_reflow import AssetStore
        >>> store = AssetStore(":memory:path")
        >>> store.path
        ':memory:path'
        """
        return self._native.path

    def get(self, asset_id: str) -> Asset:
        """Get an asset with its content.

        Raises
        ------
        AssetNotFoundError
            If there is none.

        Examples
        --------
        >>> from offbit_reflow import AssetStore
        >>> store = AssetStore(":memory:get")
        >>> store.put("a:material", {"red": 1})
        >>> store.get("a:material").data
        {'red': 1}
        """
        data, facts = self._native.get(asset_id)
        return Asset(
            id=facts["id"],
            name=facts["name"],
            type=facts["type"],
            data=data,
            size=facts["size"],
            hash=facts["hash"],
            tags=tuple(facts["tags"]),
            metadata=facts["metadata"],
            created_at=facts["createdAt"],
            updated_at=facts["updatedAt"],
            is_json=facts["isJson"],
        )

    def put(
        self, asset_id: str, data: Any, *, metadata: Mapping[str, Any] | None = None, tags: Iterable[str] = ()
    ) -> None:
        """Store an asset, in place of the one with this id if there is one.

        Parameters
        ----------
        asset_id : str
            The id, `name:component`.
        data : bytes-like or JSON
            The content. Bytes are kept in a file, anything else as JSON.
        metadata : mapping, optional
            What is said of it; it replaces what was said before.
        tags : iterable of str, optional
            Tags to add to those that it has.

        Examples
        --------
        >>> from offbit_reflow import AssetStore
        >>> store = AssetStore(":memory:put")
        >>> store.put("a:mesh", bytes(12), metadata={"stride": 12}, tags=["hero"])
        >>> store.get("a:mesh").metadata
        {'stride': 12}
        """
        self._native.put(asset_id, data, None if metadata is None else dict(metadata), list(tags))

    def update(self, asset_id: str, change: Callable[[Any], Any]) -> Any:
        """Replace the JSON of an asset by what a function makes of it, atomically.

        Parameters
        ----------
        asset_id : str
            The id.
        change : callable
            Is given the value, `None` where there is none, and gives the new one. When somebody else changes the asset
            meanwhile, it is called again.

        Returns
        -------
        JSON
            The new value.

        Examples
        --------
        >>> from offbit_reflow import AssetStore
        >>> store = AssetStore(":memory:update")
        >>> store.put("score:component", 1)
        >>> store.update("score:component", lambda before: before + 1)
        2
        """
        return self._native.update(asset_id, change)

    def delete(self, asset_id: str) -> None:
        """Remove an asset.

        Raises
        ------
        AssetNotFoundError
            If there is none.

        Examples
        --------
        >>> from offbit_reflow import AssetStore
        >>> store = AssetStore(":memory:delete")
        >>> store.put("a:mesh", bytes(12))
        >>> store.delete("a:mesh")
        >>> "a:mesh" in store
        False
        """
        self._native.delete(asset_id)

    def tag(self, asset_id: str, *tags: str, replace: bool = False) -> None:
        """Add tags to an asset, or replace those that it has.

        Examples
        --------
        >>> from offbit_reflow import AssetStore
        >>> store = AssetStore(":memory:tag")
        >>> store.put("a:mesh", bytes(12), tags=["hero"])
        >>> store.tag("a:mesh", "loaded")
        >>> sorted(store.get("a:mesh").tags)
        ['hero', 'loaded']
        """
        self._native.tag(asset_id, list(tags), replace)

    def set_metadata(self, asset_id: str, metadata: Mapping[str, Any]) -> None:
        """Replace what is said of an asset.

        Examples
        --------
        >>> from offbit_reflow import AssetStore
        >>> store = AssetStore(":memory:metadata")
        >>> store.put("a:mesh", bytes(12), metadata={"stride": 12})
        >>> store.set_metadata("a:mesh", {"stride": 24})
        >>> store.get("a:mesh").metadata
        {'stride': 24}
        """
        self._native.set_metadata(asset_id, dict(metadata))

    def query(self, query: Mapping[str, Any] | None = None, /, **fields: Any) -> list[dict[str, Any]]:
        """Find assets.

        Parameters
        ----------
        query : mapping, optional
            What assets must be: a value for a field, a list of values, or an object of operators such as
            `{"size": {"$gt": 100}}`; `$sort`, `$offset` and `$limit`. The page of `tpl_asset_query` lists them.
        **fields
            More of it.

        Returns
        -------
        list of dict
            `id`, `name`, `type`, `size`, `tags`, `metadata` and `createdAt` of each, in the order in which they were first
            stored unless `$sort` says otherwise.

        Examples
        --------
        >>> from offbit_reflow import AssetStore
        >>> store = AssetStore(":memory:query")
        >>> store.put("a:mesh", bytes(12))
        >>> store.put("b:mesh", bytes(120))
        >>> [row["id"] for row in store.query({"size": {"$gt": 100}}, type="mesh")]
        ['b:mesh']
        """
        return self._native.query({**(query or {}), **fields})

    def watch(self, *, capacity: int = 10_000) -> AssetWatch:
        """Watch changes from now on, those of other processes too.

        Parameters
        ----------
        capacity : int, optional
            How many changes wait to be read; of more, the oldest are dropped and counted.

        Examples
        --------
        >>> from offbit_reflow import AssetStore
        >>> store = AssetStore(":memory:watch")
        >>> with store.watch() as changes:
        ...     store.put("a:mesh", bytes(12))
        ...     change = changes.recv(timeout=5)
        >>> change["op"], change["id"]
        ('put', 'a:mesh')
        """
        return AssetWatch(self._native.watch(capacity))

    def components_of(self, entity: str) -> list[str]:
        """Name the components of an entity, in the order in which they came.

        Examples
        --------
        >>> from offbit_reflow import AssetStore
        >>> store = AssetStore(":memory:components")
        >>> store.put("player:transform", {})
        >>> store.put("player:mesh", bytes(12))
        >>> store.components_of("player")
        ['transform', 'mesh']
        """
        return self._native.components_of(entity)

    def entities_with(self, *components: str, match_any: bool = False) -> list[str]:
        """Name the entities that have all of these components, or with `match_any` at least one.

        Examples
        --------
        >>> from offbit_reflow import AssetStore
        >>> store = AssetStore(":memory:with")
        >>> store.put("a:mesh", bytes(12))
        >>> store.put("a:transform", {})
        >>> store.put("b:transform", {})
        >>> store.entities_with("mesh", "transform")
        ['a']
        """
        return self._native.entities_with(list(components), match_any)

    def snapshot(self, entity: str) -> dict[str, Any]:
        """Give the JSON of all components of an entity; of binary ones how large they are.

        Examples
        --------
        >>> from offbit_reflow import AssetStore
        >>> store = AssetStore(":memory:snapshot")
        >>> store.put("a:transform", {"x": 1})
        >>> store.snapshot("a")["transform"]
        {'x': 1}
        """
        return self._native.snapshot(entity)

    def spawn(self, template: str, new: str) -> int:
        """Copy all components of an entity to another one. Gives their number.

        Examples
        --------
        >>> from offbit_reflow import AssetStore
        >>> store = AssetStore(":memory:spawn")
        >>> store.put("tree:transform", {"x": 1})
        >>> store.spawn("tree", "tree2")
        1
        >>> store["tree2:transform"]
        {'x': 1}
        """
        return self._native.spawn(template, new)

    def destroy(self, entity: str) -> int:
        """Remove all components of an entity. Gives their number.

        Examples
        --------
        >>> from offbit_reflow import AssetStore
        >>> store = AssetStore(":memory:destroy")
        >>> store.put("a:mesh", bytes(12))
        >>> store.put("a:transform", {})
        >>> store.destroy("a")
        2
        """
        return self._native.destroy(entity)

    def stats(self) -> dict[str, Any]:
        """Count assets, bytes and types.

        Examples
        --------
        >>> from offbit_reflow import AssetStore
        >>> store = AssetStore(":memory:stats")
        >>> store.put("a:mesh", bytes(12))
        >>> store.stats()["assetCount"]
        1
        """
        return self._native.stats()

    def flush(self) -> None:
        """Write the manifest now, and wait until everything is on the disk. It happens by itself soon after a change.

        Examples
        --------
        >>> from offbit_reflow import AssetStore
        >>> store = AssetStore(":memory:flush")
        >>> store.put("a:material", {"red": 1})
        >>> store.flush()
        """
        self._native.flush()

    def close(self) -> None:
        """Write what is not on the disk yet. The store may be used further.

        Examples
        --------
        >>> from offbit_reflow import AssetStore
        >>> store = AssetStore(":memory:close")
        >>> store.put("a:material", {"red": 1})
        >>> store.close()
        """
        self.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, value: object, traceback: object) -> None:
        self.close()

    def __getitem__(self, asset_id: str) -> Any:
        return self._native.get(asset_id)[0]

    def __setitem__(self, asset_id: str, data: Any) -> None:
        self.put(asset_id, data)

    def __delitem__(self, asset_id: str) -> None:
        self.delete(asset_id)

    def __contains__(self, asset_id: object) -> bool:
        return isinstance(asset_id, str) and self._native.contains(asset_id)

    def __iter__(self) -> Iterator[str]:
        return iter(self._native.ids())

    def __len__(self) -> int:
        count: int = self.stats()["assetCount"]
        return count

    def __repr__(self) -> str:
        return f"AssetStore({self.path!r})"


class AssetWatch:
    """Changes of a store, as they happen. Iterating waits for the next one, and ends when the watch is closed.

    Examples
    --------
    >>> from offbit_reflow import AssetStore
    >>> store = AssetStore(":memory:watching")
    >>> changes = store.watch()
    >>> store.put("a:mesh", bytes(12))
    >>> next(iter(changes))["id"]
    'a:mesh'
    >>> changes.close()
    """

    def __init__(self, native: _native._AssetWatch) -> None:
        self._native = native

    @property
    def dropped(self) -> int:
        """How many changes were dropped because too many waited.

        Examples
        --------
        >>> from offbit_reflow import AssetStore
        >>> store = AssetStore(":memory:watch-dropped")
        >>> with store.watch() as changes:
        ...     changes.dropped
        0
        """
        return self._native.dropped

    def recv(self, timeout: float | None = None) -> dict[str, Any] | None:
        """Wait for the next change.

        Parameters
        ----------
        timeout : float, optional
            How many seconds to wait at most.

        Returns
        -------
        dict or None
            `op` (`put`, `delete`, `tag`, `spawn`, `destroy`), `id`, `entity`, `component`, `timestamp`, and where there are
            some `data` and `metadata`; nothing when the time is over or the watch is closed.

        Examples
        --------
        >>> from offbit_reflow import AssetStore
        >>> store = AssetStore(":memory:watch-recv")
        >>> with store.watch() as changes:
        ...     print(changes.recv(timeout=0.01))
        None
        """
        return self._native.recv(timeout)

    def close(self) -> None:
        """End the watch.

        Examples
        --------
        >>> from offbit_reflow import AssetStore
        >>> store = AssetStore(":memory:watch-close")
        >>> changes = store.watch()
        >>> changes.close()
        >>> list(changes)
        []
        """
        self._native.close()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while (change := self.recv()) is not None:
            yield change

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, value: object, traceback: object) -> None:
        self.close()
