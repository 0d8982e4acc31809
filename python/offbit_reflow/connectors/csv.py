"""CSV files."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ._file_source import BadRow, RowSource
from ._files import has_content, not_in_encoding, opened
from ._text_sink import Text, TextSink

_TYPES: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": lambda text: {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[
        text.strip().lower()
    ],
}


class read_csv(RowSource):
    r"""Read the rows of CSV files as dicts; names that end with ``.gz`` are decompressed, and empty lines passed over.

    A packet on `path` is the name of a file, a pattern such as ``logs/*.csv``, whose files are read in the order of their
    names, or a list of both.

    Attributes
    ----------
    columns : list of str, optional
        The names of the columns, for files whose first line is a row already; by default that line names them.
    types : dict, optional
        What a column holds: ``int``, ``float``, ``bool`` or ``str`` (the default), or a function of the text. An empty text
        in a column with another type than ``str`` is None.
    delimiter : str
        What stands between columns (``,``).
    encoding : str
        That of the file (UTF-8, with or without a byte order mark).
    on_bad_row : str
        What becomes of a row with too many or too few columns, or with a text that is not of its type. ``error`` (default): it
        fails with the names of file and line, and the file is not read on. ``ignore``: it is passed over, which a warning
        tells. ``route``: it leaves by the outport ``error``, as ``{"error", "path", "line", "row"}``.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from offbit_reflow.connectors import read_csv
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "in.csv"
    >>> _ = path.write_text("name,n\nada,1\nbob,?\n")
    >>> read_csv(path, types={"n": "int"}, on_bad_row="route")["out"].run().outputs
    {'read_csv': [{'name': 'ada', 'n': 1}]}
    """

    component = "read_csv"

    columns: list[str] | None = None
    types: Mapping[str, Any] = {}
    delimiter: str = ","
    encoding: str = "utf-8-sig"
    on_bad_row: str = "error"

    def prepare(self, ctx: Any) -> None:
        """Check the options."""
        super().prepare(ctx)
        if not isinstance(self.types, Mapping):
            raise ValueError(f"types: expected what each column holds, {{column: type}}, got {self.types!r}")
        if isinstance(self.columns, str):
            raise ValueError(f"columns must be a list of names, got {self.columns!r}")
        self._convert = {}
        for column, kind in self.types.items():
            convert = kind if callable(kind) else _TYPES.get(kind)
            if convert is None:
                raise ValueError(f"types: column `{column}`: expected one of {', '.join(_TYPES)}, got {kind!r}")
            if convert is not str:
                self._convert[column] = convert
        if self.columns is not None:
            self._check_types(self.columns)

    def rows(self, path: Any) -> Iterator[Any]:
        """Read a file."""
        with opened(path, "r", self.encoding, newline="") as file:
            reader = csv.reader(file, delimiter=self.delimiter, strict=True)
            columns = self.columns
            while True:
                row: list[str] | None = None
                try:
                    row = next(reader, None)
                    if row is None:
                        return
                    if not row:
                        continue
                    if columns is not None:
                        values: Any = self._row(columns, row)
                    else:
                        columns = self._named(row)
                        continue
                except UnicodeError as error:
                    raise not_in_encoding(path, self.encoding, error) from error
                except (ValueError, csv.Error) as error:
                    hint = "; csv.field_size_limit(…) allows more" if "field limit" in str(error) else ""
                    if columns is None:
                        raise ValueError(f"{path}, line {reader.line_num}: {error}{hint}") from error
                    values = BadRow(reader.line_num, f": {error}{hint}", row, error)
                yield values

    def _named(self, columns: list[str]) -> list[str]:
        if len(set(columns)) < len(columns):
            raise ValueError("two columns have one name")
        self._check_types(columns)
        return columns

    def _row(self, columns: list[str], row: list[str]) -> dict[str, Any]:
        if len(row) != len(columns):
            raise ValueError(f"expected {len(columns)} columns, found {len(row)}")
        values: dict[str, Any] = dict(zip(columns, row, strict=True))
        for column, convert in self._convert.items():
            text = values[column]
            try:
                values[column] = convert(text) if text != "" else None
            except Exception as error:  # of whatever kind a function raises
                raise ValueError(f"column `{column}`: {text!r} is not of its type") from error
        return values

    def _check_types(self, columns: list[str]) -> None:
        for column in self._convert:
            if column not in columns:
                raise ValueError(f"types: there is no column `{column}`; there are {', '.join(columns)}")


class write_csv(TextSink):
    """Write rows to a CSV file; what leaves at the end is ``{"path", "rows"}``.

    Attributes
    ----------
    path : str or path
        The file. Must be given; its folder is made if there is none. One whose name ends with ``.gz`` is compressed.
    columns : list of str, optional
        The columns, in their order; by default the members of the first row.
    append : bool
        Whether rows are added to the file if there is one (false); its first line names the columns then.
    delimiter : str
        What stands between columns (``,``).
    encoding : str
        That of the file (``utf-8``).

    Notes
    -----
    A row is a dict, or a list with a value for each of `columns`. One with other members fails; the file goes on without it.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from offbit_reflow import actor
    >>> from offbit_reflow.connectors import write_csv
    >>> @actor
    ... def rows(n):
    ...     yield from ({"n": i, "square": i * i} for i in range(n))
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "out.csv"
    >>> result = (rows >> write_csv(path=str(path))).run(n=3)
    >>> path.read_text().split()
    ['n,square', '0,0', '1,1', '2,4']
    """

    component = "write_csv"
    _first = "path"

    columns: list[str] | None = None
    delimiter: str = ","

    def begin(self, path: Path) -> Text:
        """Open the file; one that is added to has columns already."""
        if isinstance(self.columns, str):
            raise ValueError(f"columns must be a list of names, got {self.columns!r}")
        if self.columns is not None and len(set(self.columns)) < len(self.columns):
            raise ValueError(f"columns: two have one name: {', '.join(self.columns)}")
        columns = self._columns_of(path) if self.append and has_content(path) else []
        output = super().begin(path)
        output.is_empty = not columns
        output.columns = columns or self.columns
        if self.columns is not None and output.is_empty:  # also where no row comes
            output.begin(self._line(self.columns))
        return output

    def _columns_of(self, path: Path) -> list[str]:
        """Give the columns of a file that has rows."""
        # What may stand before the first name is no part of it.
        encoding = "utf-8-sig" if codecs.lookup(self.encoding).name == "utf-8" else self.encoding
        with opened(path, "r", encoding, newline="") as file:
            columns = next((row for row in csv.reader(file, delimiter=self.delimiter, strict=True) if row), [])
        if not columns:
            return []
        if len(set(columns)) < len(columns) or (self.columns is not None and set(columns) != set(self.columns)):
            expected = "" if self.columns is None else f", and `columns` has {', '.join(self.columns)}"
            raise ValueError(f"{path}: its first line, {', '.join(columns)}, does not name the columns{expected}")
        return columns

    def text(self, row: Any) -> str:
        """Give the line of a row; before the first, the names of the columns."""
        output: Text = self._output
        if isinstance(row, Mapping):
            if output.columns is None:
                output.columns = list(row)
            columns = output.columns
            if len(row) != len(columns) or not all(name in row for name in columns):
                raise ValueError(
                    f"the columns are {', '.join(map(str, columns))}, but the row has {', '.join(map(str, row))}"
                )
        elif isinstance(row, (list, tuple)) and self.columns is not None:
            columns = output.columns or self.columns
            if len(row) != len(columns):
                raise ValueError(f"expected {len(columns)} columns, got {len(row)}")
            row = dict(zip(self.columns, row, strict=True))
        else:
            raise TypeError(f"expected a row as a dict, or a list with the option `columns`, got {type(row).__name__}")
        line = self._line([row[name] for name in columns])
        return self._line(columns) + line if output.is_empty else line

    def _line(self, values: list[Any]) -> str:
        line: Any = csv.writer(_Given(), delimiter=self.delimiter, lineterminator="\n").writerow(values)
        if "\r" in line:  # which ends lines for who reads it, but not everywhere for who writes it
            quoted = csv.writer(_Given(), delimiter=self.delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
            line = quoted.writerow(values)
        return str(line)


class _Given:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text
