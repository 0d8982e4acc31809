"""The HTTP server of a network: every client gets the answer to its own request, whatever becomes of the others."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from offbit_reflow import Actor, Network, actor

pytestmark = pytest.mark.timeout(60)

REQUEST, RESPONSE = "tpl_server_request", "tpl_server_response"


class Client:
    """Clients of a server at an address."""

    def __init__(self, address: str) -> None:
        self.address = address

    def post(self, **body: object) -> object:
        """Give the JSON of the answer, or its status."""
        data = json.dumps(body).encode()
        request = urllib.request.Request(self.address + "/webhook", data, {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code

    def begin(self, **body: object) -> socket.socket:
        """Send a request and wait for nothing."""
        host, port = self.address.removeprefix("http://").split(":")
        client = socket.create_connection((host, int(port)), timeout=30)
        data = json.dumps(body).encode()
        head = f"POST /webhook HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(data)}"
        client.sendall(f"{head}\r\n\r\n".encode() + data)
        return client


class Flow:
    """A webhook flow around a handler: its outports lead to the inports of the response with the same names."""

    def __init__(
        self,
        handler: object,
        *ports: str,
        between: str | None = None,
        with_id: bool = False,
        policy: object = None,
        **config: object,
    ) -> None:
        self.known = threading.Event()
        self.network = Network()
        self.network.register_actor("handler", handler)
        self.network.register_actor("keep", actor(self.keep))
        self.network.add_node("request", REQUEST, {"port": 0, "responseTimeout": 20_000, **config})
        self.network.add_node("handler", "handler", policy=policy)
        self.network.add_node("response", RESPONSE)
        self.network.add_node("keep", "keep")
        self.network.add_connection("request", "address", "keep", "address")
        self.network.add_connection("request", "body", "handler", "body")
        for port in ports or ("body",):
            if between:
                self.network.add_node("between", between)
                self.network.add_connection("handler", port, "between", "input")
                self.network.add_connection("between", "output", "response", port)
            else:
                self.network.add_connection("handler", port, "response", port)
        if with_id:
            self.network.add_connection("request", "request_id", "response", "request_id")

    def keep(self, address: str) -> None:
        self.client = Client(address)
        self.known.set()

    def __enter__(self) -> Client:
        self.network.start()
        assert self.known.wait(30)
        return self.client

    def __exit__(self, *_: object) -> None:
        self.network.shutdown()


def plain(body):
    """Fails for some requests and says nothing to others."""
    if body["n"] == "bad":
        raise ValueError("cannot handle this one")
    return {"body": body["n"]} if body["n"] != "quiet" else {}


class Picky(Actor):
    inports = ["body"]
    outports = ["body"]

    def run(self, ctx):
        return plain(ctx["body"])


class PickyAsync(Actor):
    inports = ["body"]
    outports = ["body"]

    async def run(self, ctx):
        await asyncio.sleep(0)
        ctx.done(plain(ctx["body"]))


class PickyGenerator(Actor):
    inports = ["body"]
    outports = ["body"]

    def run(self, ctx):
        yield plain(ctx["body"])


class PickyLater(Actor):
    """Answers from a thread."""

    inports = ["body"]
    outports = ["body"]

    def run(self, ctx):
        ctx.defer()
        threading.Thread(target=self.answer, args=(ctx,)).start()

    def answer(self, ctx):
        try:
            ctx.done(plain(ctx["body"]))
        except ValueError as error:
            ctx.fail(str(error))


@pytest.mark.parametrize("with_id", [False, True])
@pytest.mark.parametrize("handler", [Picky, PickyAsync, PickyGenerator, PickyLater])
def test_failures_and_filters_answer_their_own_request(handler, with_id):
    with Flow(handler, with_id=with_id, responseTimeout=1500) as client, ThreadPoolExecutor() as pool:
        first = client.post(n="one")
        bad, quiet = pool.submit(client.post, n="bad"), pool.submit(client.post, n="quiet")
        others = [client.post(n=number) for number in range(5)]
        assert first == "one"
        assert others == list(range(5))
        assert (bad.result(), quiet.result()) == (500, 504)
        assert client.post(n="last") == "last"


@pytest.mark.parametrize("with_id", [False, True])
def test_answers_may_overtake_each_other(with_id):
    gates = {number: threading.Event() for number in range(4)}

    class Slow(Actor):
        inports = ["body"]
        outports = ["body"]

        async def run(self, ctx):
            number = ctx["body"]["n"]
            await asyncio.to_thread(gates[number].wait, 30)
            ctx.done({"body": number})

    policy = {"concurrency": 4, "ordered": False}
    with Flow(Slow, with_id=with_id, policy=policy) as client, ThreadPoolExecutor() as pool:
        answers = [pool.submit(client.post, n=number) for number in range(4)]
        for number in (2, 0, 3, 1):
            gates[number].set()
            assert answers[number].result(30) == number


@pytest.mark.parametrize("with_id", [False, True])
def test_late_answers_and_those_of_who_went_away_reach_nobody(with_id):
    gate, began = threading.Event(), threading.Event()

    class Handler(Actor):
        inports = ["body"]
        outports = ["body"]

        def run(self, ctx):
            if ctx["body"]["n"] == "slow":
                began.set()
                assert gate.wait(30)
            return {"body": ctx["body"]["n"]}

    with Flow(Handler, with_id=with_id, responseTimeout=700) as client, ThreadPoolExecutor() as pool:
        late = pool.submit(client.post, n="slow")
        assert began.wait(30)
        assert late.result() == 504
        client.begin(n="gone").close()
        gate.set()
        assert [client.post(n=number) for number in range(3)] == [0, 1, 2]


def test_status_and_headers_go_with_their_own_answer():
    @actor(outports=["status", "headers", "body"])
    def handler(body):
        if body["n"] % 3 == 0:
            # A status without an answer.
            return {"status": 418, "headers": {"x-n": "lost"}}
        if body["n"] % 3 == 1:
            return {"status": 201, "headers": {"x-n": str(body["n"])}, "body": body["n"]}
        return {"body": body["n"]}

    with Flow(handler, "status", "headers", "body", responseTimeout=500) as client:

        def ask(number):
            with client.begin(n=number) as connection:
                head = connection.recv(65536).decode().split("\r\n\r\n")[0].lower()
                return int(head.split()[1]), "x-n: lost" in head, f"x-n: {number}\r\n" in head + "\r\n"

        with ThreadPoolExecutor() as pool:
            for number, answer in enumerate(pool.map(ask, range(9))):
                assert answer == [(504, False, False), (201, False, True), (200, False, False)][number % 3]


def test_an_id_names_the_request_whatever_the_answer_descends_from():
    """A handler that answers several requests at once, in the tick of the last of them, last ones first."""

    class Together(Actor):
        inports = ["body", "id"]
        outports = ["body", "request_id"]
        await_all_inports = True

        def __init__(self):
            self.kept = []

        def run(self, ctx):
            self.kept.append((ctx["id"], ctx["body"]["n"]))
            if len(self.kept) == 3:
                for request, number in reversed(self.kept):
                    ctx.send({"body": number})
                    ctx.send({"request_id": request})
                self.kept.clear()
            ctx.done()

    flow = Flow(Together, "body", "request_id")
    flow.network.add_connection("request", "request_id", "handler", "id")
    with flow as client, ThreadPoolExecutor() as pool:
        assert list(pool.map(lambda number: client.post(n=number), range(6))) == list(range(6))


def test_a_branch_beside_the_answer_may_fail():
    flow = Flow(Picky)

    @actor
    def log(entry):
        raise ValueError("the disk is full")

    flow.network.register_actor("log", log)
    flow.network.add_node("log", "log")
    flow.network.add_connection("request", "body", "log", "entry")
    with flow as client:
        assert [client.post(n=number) for number in range(3)] == [0, 1, 2]


def test_the_outside_may_answer_by_id():
    network = Network()
    network.add_node("request", REQUEST, {"port": 0, "method": "ANY"})
    network.add_node("response", RESPONSE, {"contentType": "text/plain"})
    listeners = {}
    known = threading.Event()
    addresses = []

    @actor
    def keep(address):
        addresses.append(address)
        known.set()

    network.register_actor("keep", keep)
    network.add_node("keep", "keep")
    network.add_connection("request", "address", "keep", "address")
    network.start()
    try:
        assert known.wait(30)
        listeners = {port: network.listen("request", port) for port in ("request_id", "body")}
        client = Client(addresses[0])
        with ThreadPoolExecutor() as pool:
            answers = [pool.submit(client.post, n=number) for number in range(2)]
            requests = [(listeners["request_id"].recv(20).data(), listeners["body"].recv(20).data()) for _ in answers]
            for request, body in reversed(requests):
                network.send("response", "request_id", request)
                network.send("response", "body", str(body["n"]))
            assert [answer.result(20) for answer in answers] == [0, 1]
    finally:
        network.shutdown()


@pytest.mark.parametrize("template", ["tpl_delay", "tpl_passthrough"])
def test_answers_come_through_components_that_keep_them_for_a_while(template):
    with Flow(Picky, between=template) as client:
        assert [client.post(n=number) for number in range(3)] == [0, 1, 2]
