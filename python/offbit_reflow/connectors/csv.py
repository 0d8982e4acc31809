"""CSV files."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TextIO

from .._steps import Step
from ._files import TextSink

_TYPES: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": lambda text: {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[
        text.strip().lower()
    ],
}


class read_csv(Step):
    r"""Read the rows of CSV files as dicts.

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

    Notes
    -----
    A row with too many or too few columns, or with a text that is not of its type, fails with the names of file and line.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from offbit_reflow.connectors import read_csv
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "in.csv"
    >>> _ = path.write_text("name,n\nada,1\n")
    >>> read_csv(path=str(path), types={"n": "int"}).run().outputs
    {'read_csv': [{'name': 'ada', 'n': 1}]}
    """

    component = "read_csv"
    inports = ["path"]
    outports = ["out"]

    columns: list[str] | None = None
    types: Mapping[str, Any] = {}
    delimiter: str = ","
    encoding: str = "utf-8-sig"

    def prepare(self, ctx: Any) -> None:
        """Check the options."""
        self._convert = {}
        for column, kind in self.types.items():
            convert = kind if callable(kind) else _TYPES.get(kind)
            if convert is None:
                raise ValueError(f"types: column `{column}`: expected one of {', '.join(_TYPES)}, got {kind!r}")
            if convert is not str:
                self._convert[column] = convert

    def run(self, ctx: Any) -> Iterator[dict[str, Any]]:
        """Read a file."""
        path = ctx["path"]
        with open(path, encoding=self.encoding, newline="") as file:
            reader = csv.reader(file, delimiter=self.delimiter, strict=True)
            columns = self.columns
            try:
                for row in reader:
                    if columns is None:
                        columns = row
                        if len(set(columns)) < len(columns):
                            raise ValueError("two columns have one name")
                    elif row:
                        yield {"out": self._row(columns, row)}
            except (ValueError, csv.Error) as error:
                raise ValueError(f"{path}, line {reader.line_num}: {error}") from error

    def _row(self, columns: list[str], row: list[str]) -> dict[str, Any]:
        if len(row) != len(columns):
            raise ValueError(f"expected {len(columns)} columns, found {len(row)}")
        values: dict[str, Any] = dict(zip(columns, row, strict=True))
        for column, convert in self._convert.items():
            if column not in values:
                raise ValueError(f"types: there is no column `{column}`; there are {', '.join(columns)}")
            text = values[column]
            try:
                values[column] = convert(text) if text != "" else None
            except (ValueError, KeyError) as error:
                raise ValueError(f"column `{column}`: {text!r} is not of its type") from error
        return values


class write_csv(TextSink):
    """Write rows to a CSV file; what leaves at the end is ``{"path", "rows"}``.

    Attributes
    ----------
    path : str
        The file. Must be given; its folder is made if there is none.
    columns : list of str, optional
        The columns, in their order; by default the members of the first row.
    append : bool
        Whether rows are added to the file if there is one, without a line of names (false).
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

    columns: list[str] | None = None
    delimiter: str = ","

    #: The columns as a set, once they are known, and what writes rows.
    _names: set[str] | None = None
    _writer: Any = None

    def write(self, file: TextIO, row: Any) -> None:
        """Write one row; before the first, the names of the columns."""
        if isinstance(row, Mapping):
            if self.columns is None:
                self.columns = list(row)
            if self._names is None:
                self._names = set(self.columns)
            if row.keys() != self._names:
                raise ValueError(
                    f"the columns are {', '.join(self.columns)}, but the row has {', '.join(map(str, row))}"
                )
            values = [row[name] for name in self.columns]
        elif isinstance(row, (list, tuple)) and self.columns is not None:
            values = list(row)
            if len(values) != len(self.columns):
                raise ValueError(f"expected {len(self.columns)} columns, got {len(values)}")
        else:
            raise TypeError(f"expected a row as a dict, or a list with the option `columns`, got {type(row).__name__}")
        if self._writer is None:
            self._writer = csv.writer(file, delimiter=self.delimiter, lineterminator="\n")
            if not (self.append and file.tell()):
                self._writer.writerow(self.columns)
        self._writer.writerow(values)
