"""A Parquet file that is written: rows become columns when they come, so that one which does not fit is told at once."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

from .._extras import needs
from ..exceptions import ReflowError


class ParquetFile:
    """Gathers rows into groups, and writes them under another name until the file is complete."""

    def __init__(self, path: Path, group_rows: int, compression: str) -> None:
        self._arrow = needs("pyarrow", "parquet")
        self._parquet = needs("pyarrow.parquet", "parquet")
        self._path, self._part = path, path.with_name(f"{path.name}.part")
        self._group_rows, self._compression = group_rows, compression
        #: The types of the columns; they may grow wider until the first group is written.
        self._schema: Any = None
        #: What Python has for them: such values need no look at their types.
        self._plain: list[set[type]] = []
        self._writer: Any = None
        #: What waits to be written: arrays of its columns, and the rows that they were made of while the types may change.
        self._gathered: list[list[Any]] = []
        self._first_rows: list[dict[str, Any]] = []
        self._waiting = 0
        self._written = 0
        self._broken = False
        self.is_closed = False

    def room(self) -> int:
        """Give how many rows the group that is being gathered can take; one that is full is written."""
        if self._waiting >= self._group_rows:
            self._flush()
        return self._group_rows - self._waiting

    def take(self, rows: list[dict[str, Any]]) -> None:
        """Take rows into the group, all of them or, with an exception, none."""
        names = list(rows[0]) if self._schema is None else self._schema.names
        if not names:
            raise ValueError("the row has no members")
        for row in rows:
            if len(row) != len(names) or not all(name in row for name in names):
                raise ValueError(f"the columns are {_listed(names)}, but the row has {_listed(row)}")
        values = [[row[name] for row in rows] for name in names]
        if self._schema is not None and all(map(_are, values, self._plain)):
            self._gathered.append(self._arrays(values, self._schema))
        else:
            found = self._arrow.schema(list(zip(names, map(self._type_of, values), strict=True)))
            if self._writer is not None:
                self._check(found)
                self._gathered.append(self._arrays(values, self._schema))
            else:
                every = self._first_rows + rows
                wider = found if self._schema is None else self._merged([self._schema, found])
                arrays = self._arrays([[row[name] for row in every] for name in names], wider)
                self._settle(wider)
                self._gathered = [arrays]
        if self._writer is None:
            self._first_rows += rows
        self._waiting += len(rows)

    def take_table(self, table: Any) -> None:
        """Write a table, after the rows that came before it."""
        if isinstance(table, self._arrow.RecordBatch):
            table = self._arrow.Table.from_batches([table])
        self._flush()
        if self._schema is None:
            self._settle(table.schema)
        elif table.schema != self._schema:
            if set(table.column_names) != set(self._schema.names):
                raise ValueError(
                    f"the columns are {_listed(self._schema.names)}, but the table has {_listed(table.column_names)}"
                )
            table = table.select(self._schema.names).cast(self._schema)
        self._write(table)

    def complete(self) -> int:
        """Write what is left, and give the file its name; the answer is how many rows it has."""
        self._flush()
        self._open().close()
        self._part.replace(self._path)
        self.is_closed = True
        return self._written

    def close(self) -> None:
        """Leave nothing half written behind."""
        if not self.is_closed:
            self.is_closed = True
            if self._writer is not None:
                try:
                    self._writer.close()
                finally:
                    self._part.unlink(missing_ok=True)

    def _type_of(self, values: list[Any]) -> Any:
        # Of values of several kinds the first would say what the others become: a datetime a date, a text bytes.
        kinds: dict[type, list[Any]] = {}
        for value in values:
            kinds.setdefault(type(value), []).append(value)
        types = [self._arrow.infer_type(of_kind) for of_kind in kinds.values()]
        return reduce(self._merged_types, types)

    def _merged_types(self, one: Any, other: Any) -> Any:
        if one == other:
            return one
        merged = self._merged([self._arrow.schema([("value", each)]) for each in (one, other)])
        return merged.field("value").type

    def _merged(self, schemas: list[Any]) -> Any:
        return self._arrow.unify_schemas(schemas, promote_options="permissive")

    def _settle(self, schema: Any) -> None:
        arrow = self._arrow
        known = {
            arrow.int64(): int,
            arrow.float64(): float,
            arrow.string(): str,
            arrow.bool_(): bool,
            arrow.binary(): bytes,
        }
        self._schema = schema
        self._plain = [{type(None), known[type_]} if type_ in known else {type(None)} for type_ in schema.types]

    def _check(self, found: Any) -> None:
        """Refuse values whose types are not those of the first group."""
        for column, other in zip(self._schema, found, strict=True):
            # Arrow itself would make a whole number of 1.5, and a date of a time.
            if self._merged_types(column.type, other.type) != column.type:
                raise TypeError(
                    f"the types of the columns are those of the first group: `{column.name}` is {column.type}, not {other.type}"
                )

    def _arrays(self, values: list[list[Any]], schema: Any) -> list[Any]:
        arrays = [self._arrow.array(one, field.type) for one, field in zip(values, schema, strict=True)]
        for field, array in zip(schema, arrays, strict=True):
            if not field.nullable and array.null_count:
                raise ValueError(f"the column `{field.name}` may not be null")
        return arrays

    def _flush(self) -> None:
        if self._waiting:
            columns = map(self._arrow.chunked_array, zip(*self._gathered, strict=True), self._schema.types)
            self._write(self._arrow.Table.from_arrays(list(columns), schema=self._schema))
            self._gathered, self._first_rows, self._waiting = [], [], 0

    def _write(self, table: Any) -> None:
        if self._broken:
            raise ReflowError(f"{self._path}: a group of rows could not be written, so the file cannot be completed")
        try:
            self._open().write_table(table)
        except BaseException:
            self._broken = True
            raise
        self._written += table.num_rows

    def _open(self) -> Any:
        if self._writer is None:
            schema = self._arrow.schema([]) if self._schema is None else self._schema
            self._writer = self._parquet.ParquetWriter(self._part, schema, compression=self._compression)
        return self._writer


def _are(values: list[Any], types: set[type]) -> bool:
    return types.issuperset(map(type, values))


def _listed(names: Any) -> str:
    return ", ".join(map(str, names)) or "none"
