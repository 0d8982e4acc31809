"""Parquet files, by Apache Arrow: the extra ``offbit-reflow[parquet]``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

from .._extras import needs
from ._file_sink import FileSink
from ._file_source import FileSource
from ._parquet_file import ParquetFile


class read_parquet(FileSource):
    """Read Parquet files, row by row as dicts, or in batches that are not copied.

    A packet on `path` is the name of a file, a pattern such as ``days/*.parquet``, whose files are read in the order of their
    names, or a list of both.

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

    columns: list[str] | None = None
    batches: bool = False
    batch_rows: int = 10_000

    def prepare(self, ctx: Any) -> None:
        """Load Arrow."""
        self._parquet = needs("pyarrow.parquet", "parquet")

    def read(self, ctx: Any, path: Any) -> Iterator[dict[str, Any]]:
        """Read a file."""
        with self._parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            for column in self.columns or ():
                if column not in names:
                    raise ValueError(f"{path}: there is no column `{column}`; there are {', '.join(names)}")
            for batch in file.iter_batches(batch_size=self.batch_rows, columns=self.columns):
                if self.batches:
                    yield {"out": batch}
                else:
                    for row in batch.to_pylist():
                        yield {"out": row}


class write_parquet(FileSink):
    """Write rows, tables or record batches to a Parquet file; what leaves at the end is ``{"path", "rows"}``.

    Attributes
    ----------
    path : str or path
        The file. Must be given; its folder is made if there is none.
    group_rows : int
        Rows that are gathered before they are written (10,000).
    compression : str
        ``zstd`` (default), ``snappy``, ``gzip`` or ``none``.

    Notes
    -----
    The columns are the members of the first row, their types those of the first group. A row or table that does not fit fails;
    the file goes on without it. The file is complete, and has its name, when the node has ended; without rows it is empty.

    Examples
    --------
    >>> from offbit_reflow.connectors import read_parquet, write_parquet
    >>> read_parquet() >> write_parquet(path="out.parquet")
    <Flow of read_parquet, write_parquet>
    """

    component = "write_parquet"
    _first = "path"
    inports = ["row"]
    batch_size = 500

    path: str
    group_rows: int = 10_000
    compression: str = "zstd"

    def prepare(self, ctx: Any) -> None:
        """Begin the file."""
        if not isinstance(self.group_rows, int) or self.group_rows < 1:
            raise ValueError(f"group_rows must be a whole number of at least 1, got {self.group_rows!r}")
        arrow, path = needs("pyarrow", "parquet"), Path(os.fsdecode(self.path))
        self._tables = (arrow.Table, arrow.RecordBatch)
        self._take(ctx, path, lambda: ParquetFile(path, self.group_rows, self.compression))

    def run(self, batch: Any) -> None:
        """Take rows and tables."""
        file: ParquetFile = self._output
        ticks = list(zip(batch, batch["row"], strict=True))
        while ticks:
            room = file.room()
            rows = list(takewhile(lambda one: isinstance(one[1], dict), ticks[:room]))
            try:
                if not rows:
                    self._take_one(file, *ticks[0])
                else:
                    file.take([row for _, row in rows])
                    for tick, _ in rows:
                        tick.done()
            except Exception:  # of many rows, those that fit are taken
                for tick, row in rows:
                    self._take_one(file, tick, row)
            del ticks[: len(rows) or 1]

    def _take_one(self, file: ParquetFile, tick: Any, row: Any) -> None:
        try:
            if isinstance(row, self._tables):
                file.take_table(row)
            elif isinstance(row, dict):
                file.take([row])
            else:
                raise TypeError(f"expected a row as a dict, a Table or a RecordBatch, got {type(row).__name__}")
        except Exception as error:
            tick.fail(f"{type(error).__name__}: {error}", reason=type(error).__name__)
        else:
            tick.done()

    def finalize(self, ctx: Any) -> None:
        """Write what is left, and give the file its name."""
        if self._output is not None:
            rows = self._output.complete()
            ctx.send({"out": {"path": os.fsdecode(self.path), "rows": rows}})
