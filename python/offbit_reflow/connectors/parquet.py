"""Parquet files, by Apache Arrow: the extra ``offbit-reflow[parquet]``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .._steps import Step
from ._files import needs


class read_parquet(Step):
    """Read Parquet files, row by row as dicts, or in batches that are not copied.

    Attributes
    ----------
    columns : list of str, optional
        Only these; all by default.
    batches : bool
        Whether ``pyarrow.RecordBatch`` objects leave instead of rows (false).
    batch_rows : int
        How many rows are read at once (10,000).

    Examples
    --------
    >>> from offbit_reflow.connectors import read_parquet
    >>> read_parquet(columns=["time", "value"])
    <Flow of read_parquet>
    """

    component = "read_parquet"
    inports = ["path"]
    outports = ["out"]

    columns: list[str] | None = None
    batches: bool = False
    batch_rows: int = 10_000

    def prepare(self, ctx: Any) -> None:
        """Load Arrow."""
        self._parquet = needs("pyarrow.parquet", "parquet")

    def run(self, ctx: Any) -> Iterator[dict[str, Any]]:
        """Read a file."""
        with self._parquet.ParquetFile(ctx["path"]) as file:
            names = file.schema_arrow.names
            for column in self.columns or ():
                if column not in names:
                    raise ValueError(f"{ctx['path']}: there is no column `{column}`; there are {', '.join(names)}")
            for batch in file.iter_batches(batch_size=self.batch_rows, columns=self.columns):
                if self.batches:
                    yield {"out": batch}
                else:
                    for row in batch.to_pylist():
                        yield {"out": row}


class write_parquet(Step):
    """Write rows, tables or record batches to a Parquet file; what leaves at the end is ``{"path", "rows"}``.

    Attributes
    ----------
    path : str
        The file. Must be given; its folder is made if there is none.
    group_rows : int
        Rows that are gathered before they are written (10,000).
    compression : str
        ``zstd`` (default), ``snappy``, ``gzip`` or ``none``.

    Notes
    -----
    The types of the columns are those of the first group; a later group that does not fit fails. The file is complete, and has
    its name, when the node has ended.

    Examples
    --------
    >>> from offbit_reflow.connectors import read_parquet, write_parquet
    >>> read_parquet() >> write_parquet(path="out.parquet")
    <Flow of read_parquet, write_parquet>
    """

    component = "write_parquet"
    inports = ["row"]
    outports = ["out"]

    path: str
    group_rows: int = 10_000
    compression: str = "zstd"

    def prepare(self, ctx: Any) -> None:
        """Load Arrow."""
        self._arrow = needs("pyarrow", "parquet")
        self._parquet = needs("pyarrow.parquet", "parquet")
        Path(self.path).parent.mkdir(parents=True, exist_ok=True)
        self._gathered: list[Any] = []
        self._writer: Any = None
        self._rows = 0

    def run(self, ctx: Any) -> None:
        """Take a row or a table."""
        row = ctx["row"]
        if isinstance(row, (self._arrow.Table, self._arrow.RecordBatch)):
            self._flush()
            self._write(row if isinstance(row, self._arrow.Table) else self._arrow.Table.from_batches([row]))
        elif isinstance(row, dict):
            self._gathered.append(row)
            if len(self._gathered) >= self.group_rows:
                self._flush()
        else:
            raise TypeError(f"expected a row as a dict, a Table or a RecordBatch, got {type(row).__name__}")
        ctx.done()

    def _flush(self) -> None:
        if self._gathered:
            rows, self._gathered = self._gathered, []
            schema = self._writer.schema if self._writer is not None else None
            self._write(self._arrow.Table.from_pylist(rows, schema=schema))

    def _write(self, table: Any) -> None:
        if self._writer is None:
            self._writer = self._parquet.ParquetWriter(f"{self.path}.part", table.schema, compression=self.compression)
        elif table.schema != self._writer.schema:
            table = table.cast(self._writer.schema)
        self._writer.write_table(table)
        self._rows += table.num_rows

    def finalize(self, ctx: Any) -> None:
        """Write what is left, and give the file its name."""
        self._flush()
        if self._writer is None:
            return
        self._writer.close()
        self._writer = None
        Path(f"{self.path}.part").replace(self.path)
        ctx.send({"out": {"path": str(self.path), "rows": self._rows}})

    def teardown(self) -> None:
        """Leave nothing half written behind."""
        if getattr(self, "_writer", None) is not None:
            self._writer.close()
            self._writer = None
            Path(f"{self.path}.part").unlink(missing_ok=True)
