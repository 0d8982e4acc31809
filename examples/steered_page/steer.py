"""A page that keys steer: three packs in one flow.

A browser opens a page of a local shop and clicks its button; what the page says goes to the shop's API, an operation that its
OpenAPI document made; a window shows the page, and its keys steer: Up clicks once more, Escape ends.

    make packs PACKS="reflow-pack-browser reflow-pack-api-services reflow-pack-window-events"
    python examples/steered_page/steer.py build/packs
"""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from offbit_reflow import Actor, ActorCallContext, Network, load_openapi, load_pack

PACKS = ("browser", "api_services", "window_events")
WIDTH, HEIGHT = 480, 320

PAGE = """<!doctype html><title>Shop</title>
<body style="margin:0;background:#fff;font:32px sans-serif">
<button id="more" style="position:absolute;left:20px;top:20px;width:200px;height:80px"
        onclick="count.textContent = Number(count.textContent) + 1">one more</button>
<p id="count" style="position:absolute;left:20px;top:140px">0</p>
"""

DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "1"},
    "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    "security": [{"key": []}],
    "paths": {
        "/orders": {
            "post": {
                "operationId": "placeOrder",
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["count"],
                                "properties": {"count": {"type": "integer"}},
                            }
                        }
                    },
                },
            }
        }
    },
}


class Shop:
    """The page and the API, on this machine only."""

    def __init__(self) -> None:
        self.orders: list[int] = []
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self, kind: str, body: bytes) -> None:
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                self.answer("text/html", PAGE.encode())

            def do_POST(self) -> None:
                order = json.loads(self.rfile.read(int(self.headers["content-length"])))
                shop.orders.append(order["count"])
                told = {"order": len(shop.orders), "count": order["count"]}
                self.answer("application/json", json.dumps(told).encode())

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Steer(Actor):
    """Turns what happens into what the browser is to do."""

    inports = ["loaded", "key"]
    outports = ["action", "end"]

    def run(self, ctx: ActorCallContext) -> None:
        """Click and look once the page is there, and again for each Up; end with Escape."""
        event = ctx.inputs["key"]["data"] if "key" in ctx.inputs else {"type": "keydown", "key": "ArrowUp"}
        key = event["key"] if event["type"] == "keydown" else ""
        if key == "Escape":
            ctx.send({"end": True})
        if key == "ArrowUp":
            ctx.send({"action": {"type": "click", "selector": "#more"}})
            ctx.send({"action": {"type": "evaluate", "expression": "({count: Number(count.textContent)})"}})
        ctx.done()


def build(shop: Shop) -> Network:
    """Make the network."""
    load_openapi(DOCUMENT, service="shop", base_url=shop.url)
    size = {"width": WIDTH, "height": HEIGHT}
    window = {"source": "window", "title": "Steered page", **size}
    net = Network()
    net.register_actor("steer", Steer)
    net.add_node("keys", "tpl_keyboard_input", window)
    net.add_node("window", "tpl_window_event", window)
    net.add_node("steer", "steer")
    net.add_node("page", "tpl_browser_screencast", {"url": shop.url, "waitBeforeCapture": 0, **size})
    net.add_node("order", "api_shop_place_order", {"SHOP_API_KEY": "a-key-of-the-example"})
    net.add_connection("keys", "event", "steer", "key")
    net.add_connection("page", "loaded", "steer", "loaded")
    net.add_connection("steer", "action", "page", "action")
    net.add_connection("page", "frame", "window", "frame")
    net.add_connection("page", "result", "order", "input")
    net.add_initial("page", "tick", None)
    return net


def main(packs: str) -> None:
    """Run until Escape."""
    for name in PACKS:
        load_pack(max(Path(packs).glob(f"reflow.pack.{name}-*.rflpack"), key=lambda file: file.stat().st_mtime))
    shop = Shop()
    net = build(shop)
    answers, end = net.listen("order", "data"), net.listen("steer", "end")

    def tell() -> None:
        while (answer := answers.recv()) is not None:
            print("ordered", json.dumps(answer.data()), flush=True)

    net.start()
    threading.Thread(target=tell, daemon=True).start()
    end.recv()
    net.shutdown()
    print("orders", json.dumps(shop.orders), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
