"""SQL: SQLite as it comes with Python, and every database with a DB-API module."""

from __future__ import annotations

import os
import pickle
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from .._steps import Step

#: Rows that are fetched at once.
FETCH = 500
#: Rows of an SQLite file that are read ahead take so much memory, in bytes; then they go to a file.
READ_AHEAD = 4 << 20
#: Words of statements that may change something.
_CHANGES = re.compile(r"\b(insert|update|delete|merge|replace)\b", re.IGNORECASE)


def _connect(database: Any, connect: Callable[[], Any] | None, *, exists: bool) -> Any:
    if connect is not None:
        return connect()
    if not database:
        raise ValueError(
            "say which database: `database` is an SQLite file, `connect` a function that makes a connection"
        )
    path = os.fsdecode(database).removeprefix("sqlite:///")
    if exists and path != ":memory:" and not os.path.exists(path):
        raise FileNotFoundError(f"there is no database {path}")
    try:
        # A node has its thread only for the length of a tick.
        return sqlite3.connect(path, check_same_thread=False, timeout=30)
    except sqlite3.OperationalError as error:
        raise sqlite3.OperationalError(f"{path}: {error}") from error


class read_sql(Step):
    """Run queries, and send the rows one by one as dicts; a row is fetched when there is room for it.

    A packet on `query` is the text of a query, or ``{"query": text, "parameters": [...] or {...}}``.

    Attributes
    ----------
    database : str or path
        An SQLite file, which must be there, also as ``sqlite:///FILE``.
    connect : callable, optional
        Makes a connection by another DB-API module, such as ``lambda: psycopg.connect(...)``; where the step is called only.
    parameters : list or dict
        Parameters of queries that come without.

    Notes
    -----
    A statement that changes something and gives rows, such as ``insert … returning``, is committed when all rows were read.
    Who reads an SQLite file keeps others from writing it, unless it is in WAL mode. So that steps which wait for room do not,
    rows of such a file are read ahead, into a temporary file if they are many.

    Examples
    --------
    >>> from offbit_reflow.connectors import read_sql
    >>> read_sql(query="select 1 as one, 'a' as letter", database=":memory:").run().outputs
    {'read_sql': [{'one': 1, 'letter': 'a'}]}
    """

    component = "read_sql"
    _first = "query"
    inports = ["query"]
    outports = ["out"]

    database: str | os.PathLike[str] = ""
    connect: Callable[[], Any] | None = None
    parameters: Any = ()

    def run(self, ctx: Any) -> Iterator[dict[str, Any]]:
        """Run a query."""
        query, parameters = ctx["query"], self.parameters
        if isinstance(query, Mapping):
            query, parameters = query["query"], query.get("parameters", parameters)
        with closing(_connect(self.database, self.connect, exists=True)) as connection:
            with closing(connection.cursor()) as cursor:
                cursor.execute(query, parameters)
                if cursor.description is None:
                    raise ValueError("the statement gives no rows; `write_sql` is for those that change something")
                names = [column[0] for column in cursor.description]
                twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
                if twice is not None:
                    raise ValueError(f"two columns are called `{twice}`: give one another name, `… as name`")
                blocks = _fetched(cursor)
                if _locks(connection):
                    blocks = _read_ahead(blocks, connection, ctx)
                for rows in blocks:
                    for row in rows:
                        yield {"out": dict(zip(names, row, strict=True))}
            _commit(connection, query)


def _commit(connection: Any, query: Any) -> None:
    try:
        connection.commit()
    except Exception:  # where nothing was begun, some have nothing to commit
        if _CHANGES.search(str(query)):
            raise


def _fetched(cursor: Any) -> Iterator[list[tuple[Any, ...]]]:
    while rows := cursor.fetchmany(FETCH):
        # What makes rows may be set to make dicts, or what only it knows.
        yield [tuple(row.values()) if isinstance(row, Mapping) else tuple(row) for row in rows]


def _locks(connection: Any) -> bool:
    """Tell whether a reader keeps others from writing, or has something to commit."""
    if not isinstance(connection, sqlite3.Connection):
        return False
    with closing(connection.cursor()) as cursor:
        cursor.row_factory = None
        is_file = any(path for _, _, path in cursor.execute("pragma database_list"))
        return is_file and (connection.in_transaction or cursor.execute("pragma journal_mode").fetchone() != ("wal",))


def _read_ahead(blocks: Iterable[Any], connection: Any, ctx: Any) -> Iterator[Any]:
    """Read everything, let the database go, and give it again."""
    with tempfile.SpooledTemporaryFile(READ_AHEAD) as file:
        for block in blocks:
            ctx.check_cancelled()
            pickle.dump(block, file, pickle.HIGHEST_PROTOCOL)
        connection.commit()
        end = file.tell()
        file.seek(0)
        while file.tell() < end:
            yield pickle.load(file)  # written just now, by this process


class write_sql(Step):
    """Write rows to a table, up to `batch_size` at once in one transaction; what leaves at the end is ``{"table", "rows"}``.

    Rows that come fast are written together, a row that comes alone is written at once. When a row is refused, the
    transaction is taken back, and its rows are written one by one: the tick of that row fails, the others are written.

    Attributes
    ----------
    table : str
        The table; in SQLite it is made if there is none, with the members of the first row as columns.
    statement : str, optional
        Another statement than to insert into `table`, with a place for each member, ``:name``; lists need ``?``.
    on_conflict : str
        What becomes of a row that is there already: ``error`` (default), ``ignore`` or ``replace``. For SQLite.
    database, connect
        As for `read_sql`; an SQLite file is made if there is none.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from offbit_reflow import actor
    >>> from offbit_reflow.connectors import read_sql, write_sql
    >>> @actor
    ... def rows(n):
    ...     yield from ({"n": i, "square": i * i} for i in range(n))
    >>> database = str(pathlib.Path(tempfile.mkdtemp()) / "out.db")
    >>> (rows >> write_sql(database=database, table="squares")).run(n=100).outputs
    {'write_sql': [{'table': 'squares', 'rows': 100}]}
    >>> read_sql(query="select max(square) as m from squares", database=database).run().outputs
    {'read_sql': [{'m': 9801}]}
    """

    component = "write_sql"
    _first = "table"
    inports = ["row"]
    outports = ["out"]
    batch_size = 500

    table: str = ""
    statement: str | None = None
    on_conflict: str = "error"
    database: str | os.PathLike[str] = ""
    connect: Callable[[], Any] | None = None

    def prepare(self, ctx: Any) -> None:
        """Connect."""
        if not self.table and not self.statement:
            raise ValueError("`write_sql` needs the option `table` or `statement`")
        if self.on_conflict not in ("error", "ignore", "replace"):
            raise ValueError(f"on_conflict must be error, ignore or replace, got {self.on_conflict!r}")
        self._connection = _connect(self.database, self.connect, exists=False)
        self._rows = 0
        self._made = bool(self.statement) or not isinstance(self._connection, sqlite3.Connection)

    def run(self, batch: Any) -> None:
        """Write rows in one transaction; where one is refused, each by itself."""
        rows = batch["row"]
        try:
            self._rows += self._written(rows)
        except Exception:
            if len(rows) == 1:
                raise
            for tick, row in zip(batch, rows, strict=True):
                try:
                    self._rows += self._written([row])
                except Exception as error:
                    tick.fail(f"{type(error).__name__}: {error}", reason=type(error).__name__)
                else:
                    tick.done()
        else:
            batch.done()

    def _written(self, rows: list[Any]) -> int:
        """Write rows in one transaction; how many there are in the table because of that."""
        try:
            with closing(self._connection.cursor()) as cursor:
                count = 0
                for statement, values in self._groups(cursor, rows):
                    cursor.executemany(statement, values)
                    # Rows that are there already may have been passed over.
                    count += cursor.rowcount if self.on_conflict == "ignore" and not self.statement else len(values)
            self._connection.commit()
        except BaseException:
            self._connection.rollback()
            raise
        return count

    def _groups(self, cursor: Any, rows: list[Any]) -> Iterator[tuple[str, list[Any]]]:
        """Give the statements with what goes into them: rows in a row with the same members share one."""
        before: Any = None
        values: list[Any] = []
        for row in rows:
            names = tuple(row) if isinstance(row, Mapping) else None
            if values and names != before:
                yield self._statement(cursor, before), values
                values = []
            before = names
            values.append(self._values(row))
        if values:
            yield self._statement(cursor, before), values

    def _values(self, row: Any) -> Any:
        """Give what the database is to get for a row."""
        is_mapping = isinstance(row, Mapping)
        if isinstance(self._connection, sqlite3.Connection):  # which knows few types
            if is_mapping:
                row = {name: _stored(value) for name, value in row.items()}
            elif isinstance(row, (list, tuple)):
                row = [_stored(value) for value in row]
        return list(row.values()) if is_mapping and not self.statement else row

    def _statement(self, cursor: Any, names: tuple[str, ...] | None) -> str:
        if self.statement:
            return self.statement
        if names is None:
            raise TypeError("expected a row as a dict; rows of another kind need the option `statement`")
        if not names:
            raise ValueError("the row has no members")
        columns = ", ".join(map(_quoted, names))
        if not self._made:
            cursor.execute(f"create table if not exists {_quoted_table(self.table)} ({columns})")
            self._made = True
        is_sqlite = isinstance(self._connection, sqlite3.Connection)
        verb = {"error": "insert", "ignore": "insert or ignore", "replace": "insert or replace"}[self.on_conflict]
        places = ", ".join(["?" if is_sqlite else "%s"] * len(names))
        return f"{verb} into {_quoted_table(self.table)} ({columns}) values ({places})"

    def finalize(self, ctx: Any) -> None:
        """Say how much was written."""
        if hasattr(self, "_connection"):
            ctx.send({"out": {"table": self.table, "rows": self._rows}})

    def teardown(self) -> None:
        """Close the connection."""
        connection = getattr(self, "_connection", None)
        if connection is not None:
            connection.close()


def _stored(value: Any) -> Any:
    """Give what SQLite has for a value: dates as ISO 8601 text, and what must stay exact as text."""
    if isinstance(value, (str, int, float, bytes)) or value is None:
        return value
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, (Decimal, UUID)) else value


def _quoted_table(name: str) -> str:
    """Quote the name of a table; a point divides a schema from a table."""
    if isinstance(name, str) and re.fullmatch(r"\w+\.\w+", name):
        return ".".join(map(_quoted, name.split(".")))
    return _quoted(name)


def _quoted(name: str) -> str:
    if not isinstance(name, str) or not name or "\0" in name:
        raise ValueError(f"{name!r} is no name of a table or column")
    return '"' + name.replace('"', '""') + '"'
