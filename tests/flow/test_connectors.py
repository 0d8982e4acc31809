"""Sources and sinks: files, databases and WebSockets."""

import asyncio
import csv
import json
import os
import sqlite3
import threading
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from uuid import UUID

import pytest

from offbit_reflow import Network, actor, wire
from offbit_reflow.connectors import (
    answer_websocket,
    read_csv,
    read_jsonl,
    read_parquet,
    read_sql,
    read_websocket,
    serve_websocket,
    write_csv,
    write_jsonl,
    write_parquet,
    write_sql,
    write_websocket,
)
from offbit_reflow.connectors._files import opened


@actor
def rows(n):
    yield from ({"n": i, "text": f"line {i}, with a comma"} for i in range(n))


def sent(step, values):
    @actor
    def source(n):
        yield from values

    return (source >> step).run(n=1, timeout=20)


def failure(flow, **inputs):
    result = flow.run(**inputs, timeout=20)
    assert result.failures
    return result.failures[0].error


def test_csv_there_and_back(tmp_path):
    path = tmp_path / "new" / "rows.csv"
    (rows >> write_csv(path=str(path))).run(n=1000).raise_for_failure()
    with path.open() as file:
        assert sum(1 for _ in csv.reader(file)) == 1001
    back = (read_csv(types={"n": "int"})).run(path=str(path)).outputs["read_csv"]
    assert back == [{"n": i, "text": f"line {i}, with a comma"} for i in range(1000)]


def test_csv_appends_and_has_columns_of_its_own(tmp_path):
    path = tmp_path / "rows.csv"
    for _ in range(2):
        (rows >> write_csv(path=str(path), append=True, columns=["text", "n"], delimiter=";")).run(
            n=1
        ).raise_for_failure()
    assert path.read_text() == "text;n\nline 0, with a comma;0\nline 0, with a comma;0\n"


def test_csv_appends_to_the_columns_that_the_file_has(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("id,amount\n1,10")  # without an end of its line
    add = write_csv(path=path, append=True)
    sent(add, [{"amount": 20, "id": 2}]).raise_for_failure()
    sent(write_csv(path=path, append=True, columns=["amount", "id"]), [[30, 3]]).raise_for_failure()
    assert path.read_text() == "id,amount\n1,10\n2,20\n3,30\n"
    refused = sent(add, [{"id": 4, "amount": 40, "note": "x"}]).failures[0].error
    assert "the columns are id, amount, but the row has id, amount, note" in refused
    other = sent(write_csv(path=path, append=True, columns=["id", "note"]), [[4, "x"]])
    assert "its first line, id, amount, does not name the columns, and `columns` has id, note" in str(other.failures)
    assert path.read_text().count("\n") == 4


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz"])
def test_a_file_that_is_written_in_several_runs_is_as_if_in_one(tmp_path, name, encoding):
    path = tmp_path / name
    for texts in ([], ["\ud800", "é"], ["1", "a\rb\nc", "\r"]):
        result = sent(write_csv(path=path, append=True, encoding=encoding), [{"n": text} for text in texts])
        assert len(result.failures) == texts.count("\ud800")
    back = read_csv(path=path, encoding=encoding).run().outputs["read_csv"]
    assert [row["n"] for row in back] == ["é", "1", "a\rb\nc", "\r"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1\n", "line 2: expected 2 columns, found 1"),
        ("a,b\n1,2\n1,2,3\n", "line 3: expected 2 columns, found 3"),
        ("a,a\n1,2\n", "line 1: two columns have one name"),
        ("a,b\nx,2\n", "line 2: column `a`: 'x' is not of its type"),
        ("c\nx\n", "types: there is no column `a`; there are c"),
        ('a,b\n"x', "unexpected end of data"),
    ],
)
def test_csv_tells_where_it_is_wrong(tmp_path, text, words):
    path = tmp_path / "wrong.csv"
    path.write_text(text)
    error = failure(read_csv(types={"a": "int"}), path=str(path))
    assert words in error
    assert str(path) in error


def test_options_that_are_none():
    with pytest.raises(TypeError, match="`read_csv` has no option `separator`; there are `columns`, `types`"):
        read_csv(path="x", separator=",")
    with pytest.raises(TypeError, match="`write_csv` needs the option `path`"):
        read_csv >> write_csv


def test_what_is_given_first_is_the_path_the_query_or_the_table(tmp_path):
    path, database = tmp_path / "rows.csv", tmp_path / "rows.db"
    (rows >> write_csv(path)).run(n=2).raise_for_failure()
    (read_csv(str(path)) >> write_sql("lines", database=database)).run().raise_for_failure()
    read = read_sql("select n from lines where n = :n", database=database, parameters={"n": "1"})
    assert read.run().outputs == {"read_sql": [{"n": "1"}]}

    def name(n):
        return path

    assert len(read_csv(name).run(n=1).outputs["read_csv"]) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"types": ["int"]}, "types: expected what each column holds"),
        ({"columns": "ab"}, "columns must be a list of names, got 'ab'"),
        ({"on_bad_row": "skip"}, "on_bad_row must be error, ignore or route, got 'skip'"),
    ],
)
def test_values_of_options_that_are_none(tmp_path, options, words):
    path = tmp_path / "rows.csv"
    path.write_text("a\n1\n")
    assert words in failure(read_csv(path, **options))
    if "columns" in options:
        assert words in str(sent(write_csv(tmp_path / "out.csv", **options), [["a", "b"]]).failures)


def test_many_files_are_read_by_a_pattern_or_a_list(tmp_path):
    for name in ("b", "a", "c"):
        (tmp_path / f"{name}.csv").write_text(f"name\n{name}\n")
    (tmp_path / "[1].csv").write_text("name\nbrackets\n")

    def names(path):
        return [row["name"] for row in read_csv(path).run().raise_for_failure().outputs["read_csv"]]

    assert names(tmp_path / "?.csv") == ["a", "b", "c"]
    assert names([tmp_path / "c.csv", str(tmp_path / "[ab].csv")]) == ["c", "a", "b"]
    assert names(tmp_path / "[1].csv") == ["brackets"]
    assert "no file is called like" in failure(read_csv(str(tmp_path / "*.tsv")))


BAD_ROWS = [
    (
        read_csv,
        "n,m\n1,2\n3\nx,4\n5,6\n",
        {"types": {"n": int}},
        [["3"], ["x", "4"]],
        [{"n": 1, "m": "2"}, {"n": 5, "m": "6"}],
    ),
    (read_jsonl, "1\n{bad\n\n" + "[" * 100_000 + "\n2\n", {}, ["{bad", "[" * 100_000], [1, 2]),
]


@pytest.mark.parametrize(("read", "text", "options", "bad", "good"), BAD_ROWS)
def test_rows_that_cannot_be_read_end_the_file_or_not(tmp_path, caplog, read, text, options, bad, good):
    path = tmp_path / "rows"
    path.write_text(text)
    stopped = read(path, **options).run()
    assert stopped.outputs == {read.__name__: good[:1]}
    assert len(stopped.failures) == 1
    assert f"{path}, line " in stopped.failures[0].error

    caplog.clear()
    ignored = read(path, on_bad_row="ignore", **options).run().raise_for_failure()
    assert ignored.outputs == {read.__name__: good}
    assert f"{path}: 2 rows were passed over" in caplog.text

    routed = read(path, on_bad_row="route", **options).run().raise_for_failure()
    assert routed.outputs[f"{read.__name__}.out"] == good
    errors = routed.outputs[f"{read.__name__}.error"]
    assert [error["row"] for error in errors] == bad
    assert all(error["path"] == str(path) and error["line"] > 1 and error["error"] for error in errors)


def test_rows_that_cannot_be_read_lead_elsewhere(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("n\n1\nx\n2\n")

    def double(row):
        return row["n"] * 2

    def complain(report):
        return f"line {report['line']}: {report['error']}"

    read = read_csv(path, types={"n": int}, on_bad_row="route")
    result = wire(read >> double, read["error"] >> complain).run().raise_for_failure()
    assert result.outputs == {"double": [2, 4], "complain": ["line 3: column `n`: 'x' is not of its type"]}


def test_columns_that_are_given_are_named_without_rows_too(tmp_path):
    for columns, text in ((["a", "b"], "a,b\n"), (None, "")):
        path = tmp_path / f"{columns}.csv"
        for _ in range(2):
            sent(write_csv(path, columns=columns, append=True), []).raise_for_failure()
        assert path.read_text() == text


def test_a_file_is_not_emptied_while_it_is_read(tmp_path):
    path = tmp_path / "rows.csv"
    (rows >> write_csv(path)).run(n=5000).raise_for_failure()
    result = (read_csv(path) >> write_csv(tmp_path / "." / "rows.csv")).run(timeout=20)
    assert "this run reads the file that it is to write" in str(result.failures[0].error)
    assert len(read_csv(path).run().outputs["read_csv"]) == 5000

    def path_of(written):
        return written["path"]

    again = (read_csv(path) >> write_csv(tmp_path / "copy.csv") >> path_of >> read_csv(columns=["n", "text"])).run()
    assert len(again.raise_for_failure().outputs["read_csv_2"]) == 5001


def test_values_that_only_python_has_are_written_as_text(tmp_path):
    @dataclass
    class Place:
        name: str
        at: Path

    class Kind(Enum):
        BIG = "big"

    identity = UUID(int=1)
    values = [Decimal("1.10"), identity, Place("a", Path("b")), Kind.BIG]
    sent(write_jsonl(tmp_path / "rows.jsonl"), [values]).raise_for_failure()
    read = read_jsonl(tmp_path / "rows.jsonl").run().outputs["read_jsonl"]
    assert read == [["1.10", str(identity), {"name": "a", "at": "b"}, "big"]]
    row = {"price": Decimal("1.10"), "id": identity, "day": date(2026, 1, 2), "at": datetime(2026, 1, 2, 3)}
    database = tmp_path / "rows.db"
    sent(write_sql("t", database=database), [row]).raise_for_failure()
    read = read_sql("select * from t", database=database).run().outputs["read_sql"]
    assert read == [{"price": "1.10", "id": str(identity), "day": "2026-01-02", "at": "2026-01-02 03:00:00"}]


def test_jsonl_there_and_back(tmp_path):
    path = tmp_path / "rows.jsonl"
    flow = rows >> write_jsonl(path=str(path))
    assert flow.run(n=3).outputs == {"write_jsonl": [{"path": str(path), "rows": 3}]}
    assert read_jsonl(path=str(path)).run().outputs["read_jsonl"][2]["n"] == 2
    path.write_text('{"a": 1}\n{"a": \n')
    assert "line 2, column 6: no JSON" in failure(read_jsonl(), path=str(path))


def test_jsonl_is_compressed_by_its_name_and_goes_on_in_a_line_of_its_own(tmp_path):
    for name in ("rows.jsonl", "rows.jsonl.gz"):
        path = tmp_path / name
        with opened(path, "w", "utf-8") as file:
            file.write('{"a": 1}')
        sent(write_jsonl(path=path, append=True), [{"a": 2}]).raise_for_failure()
        assert read_jsonl().run({"path": path}).outputs["read_jsonl"] == [{"a": 1}, {"a": 2}]
    assert path.read_bytes()[:2] == b"\x1f\x8b"


def test_files_in_another_encoding_are_told_by_name(tmp_path):
    path = tmp_path / "latin"
    path.write_bytes(b'"\xe9"\n')
    for read in (read_csv, read_jsonl):
        assert f"{path}: 'utf-8" in failure(read(), path=str(path))


class Slow:
    """Its text is ready when the test says so."""

    def __init__(self):
        self.ready = threading.Event()

    def isoformat(self):
        self.ready.wait(20)
        return "slow"

    __str__ = isoformat


@pytest.mark.parametrize("step", [write_jsonl, write_csv])
def test_a_row_that_takes_too_long_leaves_the_file_as_it_is(tmp_path, step):
    path, slow = tmp_path / "rows", Slow()

    @actor
    def source(n):
        yield from ({"n": n} for n in (0, 1, slow, 3, 4))

    with (source >> step(path=path, policy={"timeout_ms": 50})).network() as net:
        result = net.run({"n": 1}, timeout=20)
        slow.ready.set()
    assert [failure.reason for failure in result.failures] == ["timeout"]
    assert result.outputs[step.component] == [{"path": str(path), "rows": 4}]
    read = read_jsonl if step is write_jsonl else read_csv
    assert [str(row["n"]) for row in read(path=path).run().outputs[read.component]] == ["0", "1", "3", "4"]


@pytest.mark.parametrize("step", [write_jsonl, write_csv, write_parquet])
def test_two_nodes_do_not_write_one_file(tmp_path, step):
    if step is write_parquet:
        pytest.importorskip("pyarrow")
    path = tmp_path / "rows"
    flow = rows >> [step(path=path), step(path=tmp_path / ".." / tmp_path.name / "rows")]
    assert "writes this file already" in str(flow.run(n=2, timeout=20).failures)
    (rows >> step(path=path)).run(n=2, timeout=20).raise_for_failure()


def test_a_source_reads_no_further_than_there_is_room(tmp_path):
    path = tmp_path / "many.jsonl"
    path.write_text("\n".join(str(n) for n in range(100_000)))
    go = threading.Event()
    seen = []

    @actor
    def slow(value):
        seen.append(value)
        go.wait(20)

    net = (read_jsonl(path=str(path)) >> slow).network()
    with net:
        net.start()
        while not seen:
            pass
        stats = net.stats()
        go.set()
    assert stats["read_jsonl"]["packets_out"] < 1000


def test_parquet_there_and_back(tmp_path):
    pytest.importorskip("pyarrow")
    path = str(tmp_path / "rows.parquet")
    assert (rows >> write_parquet(path=path, group_rows=7)).run(n=20).outputs == {
        "write_parquet": [{"path": path, "rows": 20}]
    }
    back = read_parquet(path=path, columns=["n"]).run().outputs["read_parquet"]
    assert back == [{"n": n} for n in range(20)]
    copy = str(tmp_path / "copy.parquet")
    flow = read_parquet(path=path, batches=True) >> write_parquet(path=copy)
    assert flow.run().outputs["write_parquet"] == [{"path": copy, "rows": 20}]
    assert "there is no column `m`; there are n, text" in failure(read_parquet(columns=["m"]), path=path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["copy.parquet", "rows.parquet"]


def test_rows_that_do_not_fit_into_parquet_fail_alone(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "rows.parquet"
    path.write_text("old")

    def run(values, **options):
        result = sent(write_parquet(path=path, **options), values)
        left = parquet.read_table(path).to_pylist()
        assert result.outputs["write_parquet"] == [{"path": str(path), "rows": len(left)}]
        return left, [failure.tick for failure in result.failures], [failure.error for failure in result.failures]

    assert run([]) == ([], [], [])
    for group_rows in (1, 2, 10):
        left, ticks, errors = run([{"a": 1}, {"a": 2, "b": 3}, {"b": 4}, {"a": 5}], group_rows=group_rows)
        assert (left, ticks) == ([{"a": 1}, {"a": 5}], [2, 3])
        assert "the columns are a, but the row has a, b" in errors[0]
    values = [{"a": n} for n in range(14)] + [{"a": "x"}, {"a": 2**70}] + [{"a": n} for n in range(16, 20)]
    for attempts in (1, 2):
        left, ticks, _ = run(values, group_rows=10, policy={"attempts": attempts})
        assert (left, ticks) == ([row for row in values if row["a"] in range(20)], [15, 16])


def test_types_of_parquet_are_those_of_the_first_group(tmp_path):
    pytest.importorskip("pyarrow")
    path = tmp_path / "rows.parquet"
    day, noon = date(2026, 1, 1), datetime(2026, 1, 1, 12)
    for values, fit in (
        ([1, 1.5, 2, None], [1.0, 1.5, 2.0, None]),
        ([1, None, 1.5, 2], [1, None, 2]),
        ([day, noon, None, noon], [day, None]),
        (["a", "b", b"c", 1], ["a", "b"]),
        ([{"x": 1}, {"y": 2}, {"z": 3}, {"x": 4}], [{"x": 1, "y": None}, {"x": None, "y": 2}, {"x": 4, "y": None}]),
    ):
        sent(write_parquet(path=path, group_rows=2), [{"a": value} for value in values])
        assert [row["a"] for row in read_parquet(path=path).run().outputs["read_parquet"]] == fit


def test_sql_there_and_back(tmp_path):
    database = str(tmp_path / "rows.db")
    (rows >> write_sql(database=database, table="lines")).run(n=1200).raise_for_failure()
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("select count(*), max(n) from lines").fetchone() == (1200, 1199)
    query = {"query": "select n from lines where n < ? order by n", "parameters": [3]}
    assert read_sql(database=database).run(query=query).outputs["read_sql"] == [{"n": 0}, {"n": 1}, {"n": 2}]
    back = read_sql(query="select 5 as five", connect=lambda: sqlite3.connect(":memory:", check_same_thread=False))
    assert back.run().outputs["read_sql"] == [{"five": 5}]


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_table_is_written_while_another_one_of_its_file_is_read(tmp_path, mode):
    database = tmp_path / "rows.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"pragma journal_mode = {mode}")
        connection.execute("create table lines (n, text)")
        connection.executemany("insert into lines values (?, ?)", ((n, "x" * 2000) for n in range(5000)))
        connection.commit()
    read = read_sql(query="select * from lines", database=database)
    result = (read >> write_sql(database=database, table="copy")).run(timeout=60)
    assert result.outputs["write_sql"] == [{"table": "copy", "rows": 5000}]


def test_what_read_sql_gives_is_all_there_is(tmp_path):
    database = tmp_path / "rows.db"
    assert f"there is no database {database}" in failure(read_sql(database=database), query="select 1")
    assert not database.exists()
    sent(write_sql(database=database, table="lines"), [{"n": 1}]).raise_for_failure()
    assert "two columns are called `a`" in failure(read_sql(database=database), query="select 1 as a, 2 as a")
    insert = read_sql(query="insert into lines values (2), (3) returning n", database=database)
    assert insert.run().outputs["read_sql"] == [{"n": 2}, {"n": 3}]

    def dicts():
        connection = sqlite3.connect(database, check_same_thread=False)
        connection.row_factory = lambda cursor, row: {
            column[0]: value for column, value in zip(cursor.description, row, strict=True)
        }
        return connection

    for options in ({"database": f"sqlite:///{database}"}, {"connect": dicts}):
        back = read_sql(query="select n, -n as m from lines", **options).run().outputs["read_sql"]
        assert back == [{"n": n, "m": -n} for n in (1, 2, 3)]


def test_columns_of_sql_may_be_called_as_they_like(tmp_path):
    database = tmp_path / "rows.db"
    values = [{"a.b": 1, 'a "b"': 2, "select": 3}]
    sent(write_sql(database=database, table="main.lines"), values).raise_for_failure()
    assert read_sql(query="select * from lines", database=database).run().outputs["read_sql"] == values
    assert "the row has no members" in sent(write_sql(database=database, table="lines"), [{}]).failures[0].error


def test_sql_conflicts_refuse_their_rows_only(tmp_path):
    database = str(tmp_path / "rows.db")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("create table lines (n integer primary key, text)")
        connection.execute("insert into lines values (1, 'old')")
    refused = (rows >> write_sql(database=database, table="lines")).run(n=1000)
    assert ["UNIQUE" in one.error for one in refused.failures] == [True]
    assert refused.outputs["write_sql"][0]["rows"] == 999
    with closing(sqlite3.connect(database)) as connection, connection:
        assert connection.execute("select count(*), max(n) from lines").fetchone() == (1000, 999)
        connection.execute("delete from lines where n <> 1")
    for on_conflict, text in (("ignore", "old"), ("replace", "line 1, with a comma")):
        written = (rows >> write_sql(database=database, table="lines", on_conflict=on_conflict)).run(n=3)
        assert written.outputs["write_sql"][0]["rows"] == (2 if on_conflict == "ignore" else 3)
        with closing(sqlite3.connect(database)) as connection, connection:
            assert connection.execute("select text from lines where n = 1").fetchone() == (text,)
    assert "gives no rows" in failure(read_sql(database=database), query="delete from lines")


def test_sinks_in_a_graph_file_have_their_options_as_config(tmp_path):
    path = tmp_path / "rows.jsonl"
    with Network() as net:
        net.register_actor("rows", rows)
        net.register_actor("write", write_jsonl)
        net.add_node("rows", "rows")
        net.add_node("write", "write", {"path": str(path)})
        net.add_connection("rows", "out", "write", "row")
        net.run({"rows.n": 2}).raise_for_failure()
    assert [json.loads(line)["n"] for line in path.read_text().splitlines()] == [0, 1]


def test_websocket_client_and_server():
    pytest.importorskip("websockets")

    @actor
    def shout(message):
        return {**message, "data": message["data"].upper()}

    server = (serve_websocket(address="127.0.0.1:0") >> shout >> answer_websocket).network()
    with server:
        known = server.events(types=["ActorPublished"])
        server.start()
        known.recv(timeout_ms=20_000)
        url = server.info("serve_websocket")["address"]

        @actor
        def words(n):
            yield from ("one", "two", {"three": 3})

        got = []

        @actor
        def take(message, ctx):
            got.append(message)
            return message

        client = Network()
        for name, step in (("read", read_websocket), ("write", write_websocket), ("words", words), ("take", take)):
            client.register_actor(name, step)
            client.add_node(name, name, {"url": url} if name == "write" else None)
        client.add_connection("words", "out", "write", "message")
        client.add_connection("read", "out", "take", "message")
        with client:
            client.start()
            answers = client.listen("take", "out")
            client.send("read", "url", url)
            client.send("words", "n", 1)
            assert [answers.recv(timeout=20).data() for _ in range(3)] == ["ONE", "TWO", '{"THREE": 3}']
        server.shutdown(grace=1)


def test_a_websocket_that_nobody_serves():
    pytest.importorskip("websockets")
    assert "ws://127.0.0.1:1" in failure(read_websocket(), url="ws://127.0.0.1:1")
    assert "ws://127.0.0.1:1" in failure(rows >> write_websocket(url="ws://127.0.0.1:1"), n=1)


@pytest.mark.parametrize("lost", [True, False])
def test_messages_that_nobody_may_have_read_are_told(lost, caplog):
    websockets = pytest.importorskip("websockets")
    gone = threading.Event()

    async def talk(connection):
        await connection.recv()
        if lost:
            connection.transport.abort()
        gone.set()

    @actor
    def words(n):
        yield "read"
        # What comes together with the question whether all was read may have been read.
        assert gone.wait(10)
        yield "lost"

    async def run():
        async with websockets.serve(talk, "127.0.0.1", 0) as server:
            url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
            return await (words >> write_websocket(url=url)).run_async(n=1, timeout=20)

    result = asyncio.run(run())
    assert "everything was read" in caplog.text or "close frame" in caplog.text or result.failures
    assert not (lost and result.ok)


def test_messages_are_json_as_in_files():
    websockets = pytest.importorskip("websockets")
    got = []

    async def talk(connection):
        async for message in connection:
            got.append(message)

    async def run(values):
        @actor
        def source(n):
            yield from values

        async with websockets.serve(talk, "127.0.0.1", 0) as server:
            url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
            return await (source >> write_websocket(url=url)).run_async(n=1, timeout=20)

    result = asyncio.run(run([{"day": date(2026, 1, 1)}, float("nan"), "text"]))
    assert got == ['{"day": "2026-01-01"}', "text"]
    assert [failure.tick for failure in result.failures] == [2]
    assert "expected an address, HOST:PORT, got 5" in failure(serve_websocket(), address=5)


def test_a_server_reads_no_further_than_there_is_room():
    websockets = pytest.importorskip("websockets")
    release = threading.Event()
    seen = []

    @actor
    def slow(message):
        seen.append(message["data"])
        release.wait(20)

    with (serve_websocket(address="127.0.0.1:0") >> slow).network({"capacity": 1}) as net:
        known = net.events(types=["ActorPublished"])
        net.start()
        known.recv(timeout_ms=20_000)

        async def flood():
            async with websockets.connect(net.info("serve_websocket")["address"]) as connection:
                try:
                    async with asyncio.timeout(2):
                        for _ in range(1000):
                            await connection.send(os.urandom(100_000))
                except TimeoutError:
                    return True
                finally:
                    release.set()
            return False

        assert asyncio.run(flood()), "the client was never made to wait"
        assert net.shutdown(grace=5) == [], "a client that is behind holds nobody up"


def test_a_connection_that_was_lost_is_made_again():
    websockets = pytest.importorskip("websockets")
    known, closed = threading.Event(), threading.Event()
    address = []

    async def serve():
        served = 0

        async def talk(connection):
            nonlocal served
            served += 1
            await connection.send(f"connection {served}")

        async with websockets.serve(talk, "127.0.0.1", 0) as server:
            address.append(f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}")
            known.set()
            while not closed.is_set():
                await asyncio.sleep(0.01)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert known.wait(20)
        with read_websocket(reconnect=True).network() as net:
            net.start()
            said = net.listen("read_websocket", "out")
            net.send("read_websocket", "url", address[0])
            assert [said.recv(timeout=20).data() for _ in range(3)] == ["connection 1", "connection 2", "connection 3"]
            net.shutdown(grace=1)
    finally:
        closed.set()
        thread.join()


def test_paths_and_functions_are_options(tmp_path):
    (tmp_path / "in.csv").write_text("name,n\nada,1\n", encoding="utf-8")
    flow = read_csv(path=tmp_path / "in.csv", types={"n": int}) >> write_jsonl(path=tmp_path / "out.jsonl")
    assert flow.run().ok
    assert json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8")) == {"name": "ada", "n": 1}
    assert flow.to_graph().to_json()["processes"]["write_jsonl"]["metadata"] == {"path": str(tmp_path / "out.jsonl")}
