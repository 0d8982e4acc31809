"""Documents that frameworks write, against the servers that they describe: every operation is called and checked."""

# ruff: noqa: B008 - that is how FastAPI wants its defaults

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from offbit_reflow import Network, load_openapi, unload_service

NAME = "reflow.pack.api_services"


@pytest.fixture(scope="module", autouse=True)
def pack(first_party: Callable[[str], list[str]]) -> list[str]:
    return first_party(NAME)


def call(template: str, packets: dict[str, Any], config: dict[str, Any] | None = None) -> Any:
    """The body of the answer to one request."""
    net = Network()
    net.add_node("n", template, config or {})
    for port, value in packets.items():
        net.add_initial("n", port, value)
    for port in ("data", "error", "response"):
        net.add_outport(port, "n", port)
    collected = net.run(timeout=30).collected()
    assert not collected.get("error"), collected["error"]
    body = collected["response"][0]["body"]
    return collected["data"][0] if body is None else body


def free_port() -> int:
    with contextlib.closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(120)
def test_every_operation_of_a_fastapi_server() -> None:
    fastapi = pytest.importorskip("fastapi")
    uvicorn = pytest.importorskip("uvicorn")
    pytest.importorskip("multipart")
    pydantic = pytest.importorskip("pydantic")
    from enum import Enum

    color = Enum("Color", {"red": "red", "blue": "blue"}, type=str)
    item = pydantic.create_model("Item", name=(str, ...), price=(float, ...), tags=(list[str], []))
    app = fastapi.FastAPI(title="Shop", version="1")

    def list_items(limit: int = 10, tag: list[str] = fastapi.Query([]), token: str | None = fastapi.Header(None)):
        return {"limit": limit, "tag": tag, "token": token}

    def read_item(item_id: int, shade: color = color("red"), session: str | None = fastapi.Cookie(None)):
        return {"id": item_id, "shade": shade, "session": session}

    def create_item(one):
        return one

    create_item.__annotations__ = {"one": item}

    def replace_item(item_id: int, one, urgent: bool = fastapi.Body(False)):
        return {"id": item_id, "name": one.name, "urgent": urgent}

    replace_item.__annotations__ = {"item_id": int, "one": item, "urgent": bool}

    def login(username: str = fastapi.Form(...), password: str = fastapi.Form(...)):
        return {"user": username, "length": len(password)}

    def upload(file: fastapi.UploadFile, note: str = fastapi.Form("")):
        return {"name": file.filename, "size": len(file.file.read()), "note": note}

    def raw(path: str):
        return fastapi.Response(b"\x00\x01" + path.encode(), media_type="application/octet-stream")

    for function in (list_items, read_item, login, upload, raw):
        namespace = {"int": int, "str": str, "list": list, "color": color, "fastapi": fastapi}
        function.__annotations__ = {
            name: eval(text, namespace) if isinstance(text, str) else text
            for name, text in function.__annotations__.items()
        }
    app.get("/items")(list_items)
    app.get("/items/{item_id}")(read_item)
    app.post("/items")(create_item)
    app.put("/items/{item_id}")(replace_item)
    app.post("/login")(login)
    app.post("/upload")(upload)
    app.get("/raw/{path}")(raw)
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 20
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    try:
        report = load_openapi(app.openapi(), service="shop", base_url=f"http://127.0.0.1:{port}")
        assert len(report) == 7, (report.skipped, report.warnings)
        found = {f"{one.method} {one.path}": one.id for one in report.operations}
        answer = call(found["GET /items"], {"limit": 3, "tag": ["a b", "c"], "token": "t"})
        assert answer == {"limit": 3, "tag": ["a b", "c"], "token": "t"}
        assert call(found["GET /items/{item_id}"], {"item_id": 5, "shade": "blue", "session": "s"}) == {
            "id": 5,
            "shade": "blue",
            "session": "s",
        }
        assert call(found["POST /items"], {"name": "n", "price": 2, "tags": ["x"]}) == {
            "name": "n",
            "price": 2.0,
            "tags": ["x"],
        }
        put = {"item_id": 1, "one": {"name": "m", "price": 1.5}, "urgent": True}
        assert call(found["PUT /items/{item_id}"], put) == {"id": 1, "name": "m", "urgent": True}
        assert call(found["POST /login"], {"username": "ä&b", "password": "12345"}) == {"user": "ä&b", "length": 5}
        told = call(found["POST /upload"], {"file": b"\x00" * 1000, "note": "hi"})
        assert told == {"name": "file", "size": 1000, "note": "hi"}
        assert call(found["GET /raw/{path}"], {"path": "a b"}) == b"\x00\x01a b"
    finally:
        server.should_exit = True
        thread.join(10)
        with contextlib.suppress(RuntimeError):
            unload_service("shop")


@contextlib.contextmanager
def serving(application: Any) -> Iterator[str]:
    from wsgiref.simple_server import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    with make_server("127.0.0.1", 0, application, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(120)
def test_every_operation_of_a_django_rest_server() -> None:
    pytest.importorskip("django")
    pytest.importorskip("rest_framework")
    pytest.importorskip("drf_spectacular")
    import sys
    import types

    import django
    from django.conf import settings

    urls = types.ModuleType("reflow_test_urls")
    urls.urlpatterns = []
    sys.modules["reflow_test_urls"] = urls
    settings.configure(
        SECRET_KEY="x" * 40,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="reflow_test_urls",
        INSTALLED_APPS=["rest_framework", "drf_spectacular"],
        REST_FRAMEWORK={
            "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
            "DEFAULT_AUTHENTICATION_CLASSES": [],
            "DEFAULT_PERMISSION_CLASSES": [],
            "UNAUTHENTICATED_USER": None,
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        },
    )
    django.setup()
    from django.core.wsgi import get_wsgi_application
    from drf_spectacular.generators import SchemaGenerator
    from rest_framework import serializers, viewsets
    from rest_framework.response import Response
    from rest_framework.routers import DefaultRouter

    class Bird(serializers.Serializer):
        id = serializers.IntegerField(read_only=True)
        name = serializers.CharField()
        weight = serializers.FloatField(required=False)

    birds: dict[int, dict[str, Any]] = {1: {"id": 1, "name": "wren", "weight": 9.5}}

    class Birds(viewsets.ViewSet):
        serializer_class = Bird

        def list(self, request: Any) -> Any:
            return Response(list(birds.values()))

        def retrieve(self, request: Any, pk: int) -> Any:
            return Response(birds[int(pk)])

        def create(self, request: Any) -> Any:
            given = Bird(data=request.data)
            given.is_valid(raise_exception=True)
            birds[2] = {"id": 2, **given.validated_data}
            return Response(birds[2], status=201)

        def partial_update(self, request: Any, pk: int) -> Any:
            birds[int(pk)].update(request.data)
            return Response(birds[int(pk)])

        def destroy(self, request: Any, pk: int) -> Any:
            return Response({"gone": birds.pop(int(pk))["name"]})

    router = DefaultRouter()
    router.register("birds", Birds, basename="bird")
    urls.urlpatterns = router.urls
    document = SchemaGenerator(patterns=router.urls).get_schema(public=True)
    with serving(get_wsgi_application()) as url:
        report = load_openapi(document, service="aviary", base_url=url)
        found = {f"{one.method} {one.path}": one.id for one in report.operations}
        assert len(found) == 5, (list(found), report.skipped)
        key = next(one.port for one in report[found["GET /birds/{id}/"]].parameters if one.place == "path")
        assert call(found["GET /birds/"], {"trigger": None}) == [birds[1]]
        assert call(found["GET /birds/{id}/"], {key: 1})["name"] == "wren"
        assert call(found["POST /birds/"], {"name": "owl", "weight": 350}) == {"id": 2, "name": "owl", "weight": 350.0}
        assert call(found["PATCH /birds/{id}/"], {key: 2, "weight": 1.5})["weight"] == 1.5
        assert call(found["DELETE /birds/{id}/"], {key: 2}) == {"gone": "owl"}
    unload_service("aviary")
