"""Sources and sinks: files, databases and WebSockets."""

import asyncio
import csv
import json
import os
import sqlite3
import threading

import pytest

from offbit_reflow import Network, actor
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


@actor
def rows(n):
    yield from ({"n": i, "text": f"line {i}, with a comma"} for i in range(n))


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


def test_options_that_are_none(tmp_path):
    result = read_csv(path="x", separator=",").run(timeout=10)
    assert result.state == "failed" or result.failures
    assert "`read_csv` has no option `separator`; there are `columns`, `types`" in str(result.failures) + str(
        result.reason
    )


def test_jsonl_there_and_back(tmp_path):
    path = tmp_path / "rows.jsonl"
    flow = rows >> write_jsonl(path=str(path))
    assert flow.run(n=3).outputs == {"write_jsonl": [{"path": str(path), "rows": 3}]}
    assert read_jsonl(path=str(path)).run().outputs["read_jsonl"][2]["n"] == 2
    path.write_text('{"a": 1}\n{"a": \n')
    assert "line 2, column 6: no JSON" in failure(read_jsonl(), path=str(path))


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


def test_sql_there_and_back(tmp_path):
    database = str(tmp_path / "rows.db")
    (rows >> write_sql(database=database, table="lines")).run(n=1200).raise_for_failure()
    assert sqlite3.connect(database).execute("select count(*), max(n) from lines").fetchone() == (1200, 1199)
    query = {"query": "select n from lines where n < ? order by n", "parameters": [3]}
    assert read_sql(database=database).run(query=query).outputs["read_sql"] == [{"n": 0}, {"n": 1}, {"n": 2}]
    back = read_sql(query="select 5 as five", connect=lambda: sqlite3.connect(":memory:", check_same_thread=False))
    assert back.run().outputs["read_sql"] == [{"five": 5}]


def test_sql_conflicts_take_the_transaction_back(tmp_path):
    database = str(tmp_path / "rows.db")
    with sqlite3.connect(database) as connection:
        connection.execute("create table lines (n integer primary key, text)")
        connection.execute("insert into lines values (1, 'old')")
    assert "UNIQUE" in failure(rows >> write_sql(database=database, table="lines"), n=3)
    for on_conflict, text in (("ignore", "old"), ("replace", "line 1, with a comma")):
        (rows >> write_sql(database=database, table="lines", on_conflict=on_conflict)).run(n=3).raise_for_failure()
        with sqlite3.connect(database) as connection:
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
