"""`tpl_http_request` with the address of each request in a packet."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from offbit_reflow import Network, actor


class Echo(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{self.command} {self.path}".encode()
        length = int(self.headers.get("Content-Length") or 0)
        body += b" " + self.rfile.read(length) if length else b""
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815  # the name of the base class

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def ask(inputs, config=None, **options):
    with Network() as net:
        net.add_node("ask", "tpl_http_request", config, **options)
        net.add_outport("answer", "ask", "response_out")
        net.add_outport("error", "ask", "error_out")
        result = net.run({f"ask.{port}": iter(values) for port, values in inputs.items()}, timeout=30)
    return [answer["body"] for answer in result.outputs["answer"]], result.outputs["error"]


def test_an_address_asks_for_a_request(server):
    with Network() as net:

        @actor
        def addresses(upto):
            yield from (f"{server}/{number}" for number in range(upto))

        net.register_actor("addresses", addresses)
        net.add_node("addresses", "addresses")
        net.add_node("ask", "tpl_http_request", {"url": f"{server}/configured"})
        net.add_connection("addresses", "out", "ask", "url_in")
        net.add_outport("answer", "ask", "response_out")
        result = net.run({"addresses.upto": 3}, timeout=30)
    assert [answer["body"] for answer in result.outputs["answer"]] == ["GET /0", "GET /1", "GET /2"]
    assert [answer["url"] for answer in result.outputs["answer"]] == [f"{server}/{n}" for n in range(3)]


def test_bodies_and_addresses_are_paired_by_a_firing_rule(server):
    answers, errors = ask(
        {"url_in": [f"{server}/a", f"{server}/b"], "data_in": ["one", "two"]},
        {"method": "POST"},
        firing={"join": "position", "optional": ["headers_in"]},
    )
    assert (answers, errors) == (["POST /a one", "POST /b two"], [])


def test_what_is_no_address(server):
    answers, errors = ask({"url_in": ["nowhere", 5, f"{server}/a"]})
    assert answers == ["GET /a"]
    assert len(errors) == 2
    assert "the address must be text" in str(errors[1])
