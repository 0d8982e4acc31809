r"""Sources and sinks: CSV, JSON Lines, Parquet, SQL and WebSockets.

They are actors as any: they stand in a flow, ``read_csv(path="in.csv") >> clean >> write_jsonl(path="out.jsonl")``, are
registered with a network, and are found by ``reflow run --actors offbit_reflow.connectors``. A source reads on while there is
room for what it has read, so files and tables may be larger than the memory. What a sink is told by its options is, in a graph
file, the config of its node; what a source reads comes by its inport: one packet, or one after the other.

Examples
--------
>>> import tempfile, pathlib
>>> from offbit_reflow.connectors import read_csv, write_jsonl
>>> folder = pathlib.Path(tempfile.mkdtemp())
>>> _ = (folder / "in.csv").write_text("name,n\nada,1\ngrace,2\n")
>>> flow = read_csv(types={"n": "int"}) >> write_jsonl(path=str(folder / "out.jsonl"))
>>> flow.run(path=str(folder / "in.csv")).outputs["write_jsonl"][0]["rows"]
2
>>> print((folder / "out.jsonl").read_text().strip())
{"name": "ada", "n": 1}
{"name": "grace", "n": 2}
"""

from .csv import read_csv, write_csv
from .jsonl import read_jsonl, write_jsonl
from .parquet import read_parquet, write_parquet
from .sql import read_sql, write_sql
from .websocket import answer_websocket, read_websocket, serve_websocket, write_websocket

__all__ = [
    "answer_websocket",
    "read_csv",
    "read_jsonl",
    "read_parquet",
    "read_sql",
    "read_websocket",
    "serve_websocket",
    "write_csv",
    "write_jsonl",
    "write_parquet",
    "write_sql",
    "write_websocket",
]
