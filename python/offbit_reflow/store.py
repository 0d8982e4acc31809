"""`Store`: the runs of a store, what happened in them, and how long they are kept."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from os import PathLike
from typing import Any, overload

from . import _native
from ._printable import printable
from .graph import Graph

#: Failures that are spelled out, and moments that are listed.
SHOWN = 20


def _time(at: float | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _seconds(start: float | None, end: float | None) -> str:
    return "" if start is None or end is None else f"{max(0.0, end - start):.3f} s"


def _not_negative(name: str, number: int | None) -> None:
    if number is not None and number < 0:
        raise ValueError(f"{name}: expected a number of runs, got {number}")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [head, *rows]]
    return "\n".join(printable(line.rstrip()) for line in lines)


def _html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def cells(row: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row) + "</tr>"

    return (
        f"<table><thead>{cells(head, 'th')}</thead><tbody>{''.join(cells(row, 'td') for row in rows)}</tbody></table>"
    )


@dataclass(frozen=True)
class RunRecord:
    """A run in a store.

    Attributes
    ----------
    run_id, title : str
        Its id, and the name of its graph.
    state : str
        ``running``, ``finished``, ``failed``, ``cancelled``, or ``interrupted``: its process has died, and `Network.resume`
        goes on with it.
    reason : str or None
        Why it was stopped.
    created, ended : float or None
        When, in seconds since 1970.
    starts : int
        How often a process has begun to work on it.
    pid : int or None
        The process that works on it.
    ticks, failed_ticks : int
        Ticks that are over, and those of them that failed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from offbit_reflow import Network, Store
    >>> folder = tempfile.TemporaryDirectory()
    >>> net = Network(store=Path(folder.name) / "runs.db")
    >>> net.add_node("a", "tpl_passthrough")
    >>> _ = net.run({"a.input": 3}, run_id="monday")
    >>> store = Store(Path(folder.name) / "runs.db")
    >>> (record,) = store.runs()
    >>> record.run_id, record.state, record.ticks
    ('monday', 'finished', 1)
    >>> folder.cleanup()
    """

    run_id: str
    title: str
    state: str
    reason: str | None
    created: float
    ended: float | None
    starts: int
    pid: int | None
    ticks: int
    failed_ticks: int

    def _row(self) -> list[str]:
        row = [self.run_id, self.state, _time(self.created), _seconds(self.created, self.ended)]
        return [*row, str(self.starts), f"{self.ticks:,}", f"{self.failed_ticks:,}", self.title]


_COLUMNS = ("run", "state", "created", "took", "starts", "ticks", "failures", "graph")


class RunList(Sequence[RunRecord]):
    """Runs, newest first; a table where it is shown.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from offbit_reflow import Network, Store
    >>> folder = tempfile.TemporaryDirectory()
    >>> net = Network(store=Path(folder.name) / "runs.db")
    >>> net.add_node("a", "tpl_passthrough")
    >>> _ = net.run({"a.input": 3}, run_id="monday")
    >>> store = Store(Path(folder.name) / "runs.db")
    >>> [record.run_id for record in store.runs()]
    ['monday']
    >>> folder.cleanup()
    """

    def __init__(self, runs: Sequence[RunRecord]) -> None:
        self._runs = list(runs)

    def __len__(self) -> int:
        return len(self._runs)

    @overload
    def __getitem__(self, at: int) -> RunRecord: ...
    @overload
    def __getitem__(self, at: slice) -> RunList: ...
    def __getitem__(self, at: int | slice) -> RunRecord | RunList:
        return RunList(self._runs[at]) if isinstance(at, slice) else self._runs[at]

    def __iter__(self) -> Iterator[RunRecord]:
        return iter(self._runs)

    def __str__(self) -> str:
        return _table(_COLUMNS, [run._row() for run in self]) if self._runs else "no runs"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return _html_table(_COLUMNS, [run._row() for run in self]) if self._runs else "no runs"


@dataclass(frozen=True, repr=False)
class RunDetails:
    """Everything a store knows of a run; text and tables where it is shown.

    Attributes
    ----------
    run : RunRecord
        The run.
    graph : Graph
        What it runs.
    nodes : list of dict
        A row a node: ``node``, ``component``, ``state``, ``ticks``, ``packets_in``, ``packets_out``, ``failures``,
        ``retries``, ``started``, ``ended``.
    failures : list of dict
        Attempts that failed, oldest first: ``node``, ``tick``, ``attempt``, ``will_retry``, ``error``, ``reason``,
        ``traceback``, ``inputs`` (Messages by port), ``at``.
    timeline : list of tuple
        What happened when: time, node or None, what, detail or None.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from offbit_reflow import Network, Store
    >>> folder = tempfile.TemporaryDirectory()
    >>> net = Network(store=Path(folder.name) / "runs.db")
    >>> net.add_node("a", "tpl_passthrough")
    >>> _ = net.run({"a.input": 3}, run_id="monday")
    >>> store = Store(Path(folder.name) / "runs.db")
    >>> details = store.show("monday")
    >>> details.run.state, [row["ticks"] for row in details.nodes]
    ('finished', [1])
    >>> folder.cleanup()
    """

    run: RunRecord
    graph: Graph
    nodes: list[dict[str, Any]]
    failures: list[dict[str, Any]]
    timeline: list[tuple[float, str | None, str, str | None]] = field(default_factory=list)

    def _node_rows(self) -> list[list[str]]:
        keys = ("ticks", "packets_in", "packets_out", "failures", "retries")
        return [
            [
                row["node"],
                row["component"],
                row["state"],
                *(f"{row[key]:,}" for key in keys),
                _seconds(row["started"], row["ended"]),
            ]
            for row in self.nodes
        ]

    def __str__(self) -> str:
        run = self.run
        head = f"{run.run_id}: {run.state}" + (f" ({run.reason})" if run.reason else "")
        began = f"began {_time(run.created)}, {run.starts} start{'s' * (run.starts != 1)}"
        parts = [printable(f"{head}, {began}"), "", _table(_NODE_COLUMNS, self._node_rows())]
        if self.failures:
            parts += ["", f"failed attempts: {len(self.failures):,}"]
        for failure in self.failures[:SHOWN]:
            again = ", tried again" if failure["will_retry"] else ""
            parts.append(
                printable(
                    f"- {_time(failure['at'])} node `{failure['node']}`, tick {failure['tick']}, attempt "
                    f"{failure['attempt']}{again}: {failure['error']}"
                )
            )
            if failure["traceback"] and not failure["will_retry"]:
                parts += [printable(f"    {line}") for line in failure["traceback"].rstrip().splitlines()]
        parts += ["", "timeline:"]
        shown = self.timeline if len(self.timeline) <= 2 * SHOWN else [*self.timeline[:SHOWN], *self.timeline[-SHOWN:]]
        for at, node, what, detail in shown:
            where = f"node `{node}` " if node else ""
            parts.append(printable(f"  {_time(at)}  {where}{what}{f' ({detail})' if detail else ''}"))
        if len(shown) < len(self.timeline):
            parts.append(f"  and {len(self.timeline) - len(shown):,} more in between")
        return "\n".join(parts)

    def __repr__(self) -> str:
        return (
            f"<RunDetails {self.run.run_id} {self.run.state}, {len(self.nodes)} nodes, {len(self.failures)} failures>"
        )

    def _repr_html_(self) -> str:
        parts = [f"<b>{html.escape(self.run.run_id)}</b>: {html.escape(self.run.state)}"]
        parts.append(_html_table(_NODE_COLUMNS, self._node_rows()))
        for failure in self.failures[:SHOWN]:
            parts.append(f"<details><summary>{html.escape(failure['node'])}: {html.escape(failure['error'])}</summary>")
            parts.append(f"<pre>{html.escape(failure['traceback'] or '')}</pre></details>")
        return "".join(parts)


_NODE_COLUMNS = ("node", "component", "state", "ticks", "in", "out", "failures", "retries", "took")


class Store:
    """The runs of a store: a file that runs are kept in (``net.run(store=path)``), with a folder of big payloads beside it.

    Parameters
    ----------
    path : path-like
        The file; made if there is none.

    Raises
    ------
    StoreError
        If it cannot be opened; a file that is no store is left as it is (a RuntimeError).

    Notes
    -----
    Values of Python actors are kept by pickle. Reading them runs code that they name: open only stores that you trust.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from offbit_reflow import Network, Store, actor
    >>> @actor
    ... def double(x):
    ...     return 2 * x
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     net = Network(store=Path(folder) / "runs.db")
    ...     net.register_actor("double", double)
    ...     net.add_node("d", "double")
    ...     result = net.run(inputs={"d.x": 3}, run_id="monday")
    ...     [(run.run_id, run.state, run.ticks) for run in Store(Path(folder) / "runs.db").runs()]
    [('monday', 'finished', 1)]
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self._opened = _native.Store(path)

    @property
    def _store(self) -> _native.Store:
        if self._opened._failed:  # a full disk may have room again
            self._opened = _native.Store(self._opened.path)
        return self._opened

    @property
    def path(self) -> Any:
        """The file.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from offbit_reflow import Network, Store
        >>> folder = tempfile.TemporaryDirectory()
        >>> net = Network(store=Path(folder.name) / "runs.db")
        >>> net.add_node("a", "tpl_passthrough")
        >>> _ = net.run({"a.input": 3}, run_id="monday")
        >>> store = Store(Path(folder.name) / "runs.db")
        >>> store.path.name
        'runs.db'
        >>> folder.cleanup()
        """
        return self._opened.path

    @property
    def cache(self) -> _native.ResultCache:
        """The results of ticks that it keeps (``policy.cache``): ``len(store.cache)``, ``store.cache.clear("component")``.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from offbit_reflow import Network, Store
        >>> folder = tempfile.TemporaryDirectory()
        >>> net = Network(store=Path(folder.name) / "runs.db")
        >>> net.add_node("a", "tpl_passthrough")
        >>> _ = net.run({"a.input": 3}, run_id="monday")
        >>> store = Store(Path(folder.name) / "runs.db")
        >>> len(store.cache)
        0
        >>> folder.cleanup()
        """
        return self._store._cache()

    def cached(self) -> list[dict[str, Any]]:
        """List what results of ticks it keeps: a row a component, with ``component``, ``results``, ``bytes``, ``newest``.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from offbit_reflow import Network, Store
        >>> folder = tempfile.TemporaryDirectory()
        >>> net = Network(store=Path(folder.name) / "runs.db")
        >>> net.add_node("a", "tpl_passthrough")
        >>> _ = net.run({"a.input": 3}, run_id="monday")
        >>> store = Store(Path(folder.name) / "runs.db")
        >>> store.cached()
        []
        >>> folder.cleanup()
        """
        names = ("component", "results", "bytes", "newest")
        return [dict(zip(names, row, strict=True)) for row in self._store._cache_rows()]

    def runs(
        self,
        *,
        state: str | None = None,
        text: str | None = None,
        since: float | datetime | None = None,
        limit: int | None = None,
    ) -> RunList:
        """List runs, newest first.

        Parameters
        ----------
        state : str, optional
            Only those in this state, ``interrupted`` for example.
        text : str, optional
            Only those whose id, or the name of whose graph, has this in it.
        since : float or datetime, optional
            Only those that began later; seconds since 1970.
        limit : int, optional
            Only so many.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from offbit_reflow import Network, Store
        >>> folder = tempfile.TemporaryDirectory()
        >>> net = Network(store=Path(folder.name) / "runs.db")
        >>> net.add_node("a", "tpl_passthrough")
        >>> _ = net.run({"a.input": 3}, run_id="monday")
        >>> store = Store(Path(folder.name) / "runs.db")
        >>> [run.run_id for run in store.runs(state="finished")]
        ['monday']
        >>> folder.cleanup()
        """
        _not_negative("limit", limit)
        moment = since.timestamp() if isinstance(since, datetime) else since
        return RunList([RunRecord(**row) for row in self._store._runs(state, text, moment, limit)])

    def show(self, run_id: str) -> RunDetails:
        """Give everything there is to say about a run.

        Raises
        ------
        UnknownRunError
            If there is no such run (a LookupError).

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from offbit_reflow import Network, Store
        >>> folder = tempfile.TemporaryDirectory()
        >>> net = Network(store=Path(folder.name) / "runs.db")
        >>> net.add_node("a", "tpl_passthrough")
        >>> _ = net.run({"a.input": 3}, run_id="monday")
        >>> store = Store(Path(folder.name) / "runs.db")
        >>> store.show("monday").nodes[0]["state"]
        'finished'
        >>> folder.cleanup()
        """
        row = self._store._details(run_id)
        graph, nodes, failures, timeline = (row.pop(key) for key in ("graph", "nodes", "failures", "timeline"))
        return RunDetails(RunRecord(**row), Graph.from_json(graph), nodes, failures, timeline)

    def prune(
        self,
        run_id: str | None = None,
        *,
        older_than_s: float | None = None,
        keep: int | None = None,
        interrupted: bool = False,
    ) -> list[str]:
        """Delete runs that no process works on. One that was interrupted stays, unless it is meant: it can be gone on with.

        Parameters
        ----------
        run_id : str, optional
            This one.
        older_than_s : float, optional
            Those that ended longer ago, in seconds.
        keep : int, optional
            Those beyond the newest so many.
        interrupted : bool
            Whether that goes for interrupted runs, too; they are as old as their beginning.

        Returns
        -------
        list of str
            The ids of the runs that were deleted.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from offbit_reflow import Network, Store
        >>> folder = tempfile.TemporaryDirectory()
        >>> net = Network(store=Path(folder.name) / "runs.db")
        >>> net.add_node("a", "tpl_passthrough")
        >>> _ = net.run({"a.input": 3}, run_id="monday")
        >>> store = Store(Path(folder.name) / "runs.db")
        >>> store.prune(keep=0)
        ['monday']
        >>> folder.cleanup()
        """
        _not_negative("keep", keep)
        return self._store._prune(run_id, older_than_s, keep, interrupted)

    def __repr__(self) -> str:
        return f"<Store {self.path}>"


__all__ = ["RunDetails", "RunList", "RunRecord", "Store"]
