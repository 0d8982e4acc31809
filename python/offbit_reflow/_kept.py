"""How a network gets the journal of its next run."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from . import _native
from .exceptions import StoreError
from .graph import Graph

if TYPE_CHECKING:
    from ._runs import Runs
    from .store import Store


class Kept:
    """A store, and the run in it that is next, if one was named."""

    def __init__(self, store: str | PathLike[str] | Store | None, run_id: str | None) -> None:
        if store is None:
            raise StoreError(f"run_id={run_id!r} names a run in a store; say which, as store=path")
        if run_id is not None and (not isinstance(run_id, str) or not run_id):
            raise StoreError(f"run_id must be a text that is not empty, got {run_id!r}")
        self.store = store
        self._run_id = run_id
        #: Whether a graph that differs from the stored one is taken.
        self.force = False

    def _open(self) -> _native.Store:
        from .store import Store  # for runs that are kept only

        return self.store._store if isinstance(self.store, Store) else _native.Store(self.store)

    def cache(self) -> _native.ResultCache:
        """Give the results of ticks that the store keeps."""
        return self._open()._cache()

    def text(self) -> str:
        """Give the stored graph of the run as it is: a `Graph` takes two equal connections for one."""
        text: str = self._open()._graph(self._run_id or "")[0]
        return text

    def differs(self, stored: Graph, given: Graph) -> bool:
        """Tell whether a graph differs from the stored one; refuse that unless it is forced."""
        difference = str(stored.diff(given)).strip()
        if difference and not self.force:
            raise StoreError(
                f"run `{self._run_id}` was begun with another graph:\n{difference}\nGo on with the stored one (Network.resume, "
                "reflow resume), or take the new one with force=True (--force): packets on their way to nodes and ports that "
                "are no longer there are never read, and new nodes begin at their beginning"
            )
        return bool(difference)

    def begin(self, network: Runs) -> _native.RunJournal:
        """Begin the named run or go on with it; a run without a name is a new one each time."""
        store, text = self._open(), network._to_graph()
        given = Graph.from_json(text)
        run_id = self._run_id
        if run_id is not None and store._has(run_id):
            differs = self.differs(Graph.from_json(store._graph(run_id)[0]), given)
            journal = store._resume(run_id, text if differs else None)
        else:
            journal = store._create(run_id, str(given.to_json().get("properties", {}).get("name") or ""), text)
        # The next run of the network is another one.
        self._run_id, self.force = None, False
        return journal
