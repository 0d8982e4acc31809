"""What each kind of operation is sent as: a piece of a document, values and a config, and the exact request that comes of them.

The expected requests are written by hand from RFC 6570 and the OpenAPI specifications. In bodies of several parts the line
between them reads `BOUNDARY`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from offbit_reflow import load_openapi, unload_service

from .test_api_services import Recorder, ran

KEY = "VECTOR_API_KEY"
COLORS = ["blue", "black", "brown"]
#: Members of packets are in the order of the alphabet.
RGB = {"B": 150, "G": 200, "R": 100}
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


@pytest.fixture(scope="module", autouse=True)
def pack(first_party: Callable[[str], list[str]]) -> list[str]:
    return first_party("reflow.pack.api_services")


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    recorder.server.shutdown()
    recorder.server.server_close()


def parameter(name: str, place: str, type_: str = "string", **more: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": type_}
    return {"name": name, "in": place, "schema": schema, **({"required": True} if place == "path" else {}), **more}


def path(style: str, explode: bool, type_: str = "array") -> dict[str, Any]:
    return {"path": "/c/{color}", "parameters": [parameter("color", "path", type_, style=style, explode=explode)]}


def query(type_: str = "string", **more: Any) -> dict[str, Any]:
    return {"path": "/c", "parameters": [parameter("color", "query", type_, **more)]}


def old(type_: str, place: str = "query", **more: Any) -> dict[str, Any]:
    """An operation of a document of the version 2."""
    one = {"name": "color", "in": place, "type": type_, **more}
    if type_ == "array":
        one["items"] = {"type": "string"}
    return {"swagger": True, "path": "/c", "parameters": [one]}


def body(content_type: str, properties: dict[str, str] | None, method: str = "post", **more: Any) -> dict[str, Any]:
    """An operation with a body: an object of these members, each with its type, or anything."""
    schema: dict[str, Any] = {}
    if properties is not None:
        members = {
            name: {"type": "string", "format": "binary"} if type_ == "file" else {"type": type_}
            for name, type_ in properties.items()
        }
        schema = {"type": "object", "properties": members}
    return {"method": method, "path": "/b", "body": {content_type: {"schema": schema, **more}}}


def secured(scheme: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"path": "/s", "security": scheme, **more}


def part(name: str, content: str, head: str = "") -> str:
    return f'--BOUNDARY\r\nContent-Disposition: form-data; name="{name}"{head}\r\n\r\n{content}\r\n'


def file(filename: str, content_type: str = "application/octet-stream") -> str:
    return f'; filename="{filename}"\r\nContent-Type: {content_type}'


PAIR = base64.b64encode(b"me:pass").decode()

#: What is called, with which values and which config, and what is sent: the method and the target, then headers and the body.
VECTORS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], str, dict[str, str], str]] = {
    # Paths.
    "path of a text": (path("simple", False, "string"), {"color": "a b/ü?#%"}, {}, "GET /c/a%20b%2F%C3%BC%3F%23%25", {}, ""),
    "path of a whole number": (path("simple", False, "integer"), {"color": 7}, {}, "GET /c/7", {}, ""),
    "path of a number": (path("simple", False, "number"), {"color": 2.0}, {}, "GET /c/2", {}, ""),
    "path of a truth": (path("simple", False, "boolean"), {"color": False}, {}, "GET /c/false", {}, ""),
    "path, simple, list": (path("simple", False), {"color": COLORS}, {}, "GET /c/blue,black,brown", {}, ""),
    "path, simple, exploded object": (
        path("simple", True, "object"), {"color": RGB}, {}, "GET /c/B=150,G=200,R=100", {}, "",
    ),
    "path, simple, object": (path("simple", False, "object"), {"color": RGB}, {}, "GET /c/B,150,G,200,R,100", {}, ""),
    "path, label, text": (path("label", False, "string"), {"color": "blue"}, {}, "GET /c/.blue", {}, ""),
    "path, label, list": (path("label", False), {"color": COLORS}, {}, "GET /c/.blue,black,brown", {}, ""),
    "path, label, exploded list": (path("label", True), {"color": COLORS}, {}, "GET /c/.blue.black.brown", {}, ""),
    "path, label, exploded object": (
        path("label", True, "object"), {"color": RGB}, {}, "GET /c/.B=150.G=200.R=100", {}, "",
    ),
    "path, matrix, text": (path("matrix", False, "string"), {"color": "blue"}, {}, "GET /c/;color=blue", {}, ""),
    "path, matrix, list": (path("matrix", False), {"color": COLORS}, {}, "GET /c/;color=blue,black,brown", {}, ""),
    "path, matrix, exploded list": (
        path("matrix", True), {"color": COLORS}, {}, "GET /c/;color=blue;color=black;color=brown", {}, "",
    ),
    "path, matrix, exploded object": (
        path("matrix", True, "object"), {"color": RGB}, {}, "GET /c/;B=150;G=200;R=100", {}, "",
    ),
    "path, two placeholders in one segment": (
        {"path": "/c/{from}...{to}.diff", "parameters": [parameter("from", "path"), parameter("to", "path")]},
        {"from": "main", "to": "a/b"}, {}, "GET /c/main...a%2Fb.diff", {}, "",
    ),
    # Queries.
    "query of a text": (query(), {"color": "a b&c=d+e"}, {}, "GET /c?color=a%20b%26c%3Dd%2Be", {}, ""),
    "query of an empty text": (query(), {"color": ""}, {}, "GET /c?color=", {}, ""),
    "query of nothing": (query(), {"color": None}, {}, "GET /c", {}, ""),
    "query of a number": (query("number"), {"color": 0.1}, {}, "GET /c?color=0.1", {}, ""),
    "query of a text that is a number": (query("integer"), {"color": "12"}, {}, "GET /c?color=12", {}, ""),
    "query, form, list": (query("array"), {"color": COLORS}, {}, "GET /c?color=blue&color=black&color=brown", {}, ""),
    "query, form, list in one": (
        query("array", explode=False), {"color": ["a,b", "c"]}, {}, "GET /c?color=a%2Cb,c", {}, "",
    ),
    "query, form, object": (query("object"), {"color": RGB}, {}, "GET /c?B=150&G=200&R=100", {}, ""),
    "query, form, object in one": (
        query("object", explode=False), {"color": RGB}, {}, "GET /c?color=B,150,G,200,R,100", {}, "",
    ),
    "query, spaces": (
        query("array", style="spaceDelimited", explode=False), {"color": COLORS}, {},
        "GET /c?color=blue%20black%20brown", {}, "",
    ),
    "query, pipes": (
        query("array", style="pipeDelimited", explode=False), {"color": COLORS}, {},
        "GET /c?color=blue%7Cblack%7Cbrown", {}, "",
    ),
    "query, deep": (
        query("object", style="deepObject"), {"color": {"a": {"b": 1}, "c": "x y"}}, {},
        "GET /c?color%5Ba%5D%5Bb%5D=1&color%5Bc%5D=x%20y", {}, "",
    ),
    "query, what is reserved stays": (
        query(allowReserved=True), {"color": "a/b:c"}, {}, "GET /c?color=a/b:c", {}, "",
    ),
    "query as JSON": (
        {"path": "/c", "parameters": [{"name": "color", "in": "query", "content": {JSON: {"schema": {}}}}]},
        {"color": {"a": [1]}}, {}, "GET /c?color=%7B%22a%22%3A%5B1%5D%7D", {}, "",
    ),
    "queries in the order of the document": (
        {"path": "/c", "parameters": [parameter("z", "query"), parameter("a", "query")]},
        {"a": "1", "z": "2"}, {}, "GET /c?z=2&a=1", {}, "",
    ),
    "query in the path of the document": (
        {"path": "/c?fixed=1", "parameters": [parameter("a", "query")]}, {"a": "x"}, {}, "GET /c?fixed=1&a=x", {}, "",
    ),
    "query from the config": (query(), {}, {"color": "red"}, "GET /c?color=red", {}, ""),
    "query from `params`": (query(), {}, {"params": {"color": "red"}}, "GET /c?color=red", {}, ""),
    "a packet counts before the config": (query(), {"color": "blue"}, {"color": "red"}, "GET /c?color=blue", {}, ""),
    "query of a name with brackets": (
        {"path": "/c", "parameters": [parameter("page[size]", "query", "integer")]},
        {"page[size]": 5}, {}, "GET /c?page%5Bsize%5D=5", {}, "",
    ),
    # Headers and cookies.
    "header of a list": (
        {"path": "/h", "parameters": [parameter("X-Color", "header", "array")]},
        {"X-Color": COLORS}, {}, "GET /h", {"x-color": "blue,black,brown"}, "",
    ),
    "header of an object": (
        {"path": "/h", "parameters": [parameter("X-Color", "header", "object", explode=True)]},
        {"X-Color": RGB}, {}, "GET /h", {"x-color": "B=150,G=200,R=100"}, "",
    ),
    "cookies": (
        {"path": "/h", "parameters": [parameter("a", "cookie"), parameter("b", "cookie", "integer")]},
        {"a": "x;y", "b": 2}, {}, "GET /h", {"cookie": "a=x%3By; b=2"}, "",
    ),
    "headers of the config": (
        {"path": "/h"}, {}, {"headers": {"X-Trace": "7", "Accept": "text/plain"}},
        "GET /h", {"x-trace": "7", "accept": "text/plain"}, "",
    ),
    "accepted is what the document answers": (
        {"path": "/h", "answers": "text/csv"}, {}, {}, "GET /h", {"accept": "text/csv"}, "",
    ),
    # Methods without and with bodies.
    "HEAD": ({"method": "head", "path": "/m"}, {}, {}, "HEAD /m", {}, ""),
    "OPTIONS": ({"method": "options", "path": "/m"}, {}, {}, "OPTIONS /m", {}, ""),
    "DELETE with a body": (
        body(JSON, {"ids": "array"}, "delete"), {"ids": [1, 2]}, {}, "DELETE /b", {"content-type": JSON}, '{"ids":[1,2]}',
    ),
    "PATCH": (
        body("application/merge-patch+json", {"name": "string"}, "patch"), {"name": "x"}, {},
        "PATCH /b", {"content-type": "application/merge-patch+json"}, '{"name":"x"}',
    ),
    # JSON.
    "JSON of members": (
        body(JSON, {"text": "string", "count": "integer", "part": "number", "is": "boolean", "all": "array", "of": "object"}),
        {"text": 'ü"', "count": 3, "part": 0.5, "is": True, "all": [1, None], "of": {"a": 1, "b": 2}}, {},
        "POST /b", {"content-type": JSON},
        '{"text":"ü\\"","count":3,"part":0.5,"is":true,"all":[1,null],"of":{"a":1,"b":2}}',
    ),
    "JSON of some members": (body(JSON, {"a": "string", "b": "string"}), {"b": "x"}, {}, "POST /b", {}, '{"b":"x"}'),
    "JSON of a list": (
        {"method": "post", "path": "/b", "body": {JSON: {"schema": {"type": "array", "items": {}}}}},
        {"body": [1, {"a": 2}]}, {}, "POST /b", {"content-type": JSON}, '[1,{"a":2}]',
    ),
    "JSON that is not sent": (body(JSON, {"a": "string"}), {}, {}, "POST /b", {}, ""),
    # Forms.
    "form of texts": (
        body(FORM, {"a": "string", "b": "integer", "c": "boolean"}), {"a": "x y&z", "b": 2, "c": True}, {},
        "POST /b", {"content-type": FORM}, "a=x%20y%26z&b=2&c=true",
    ),
    "form of a list": (body(FORM, {"a": "array"}), {"a": ["x", "y"]}, {}, "POST /b", {}, "a=x&a=y"),
    "form, deep": (
        body(FORM, {"metadata": "object"}, encoding={"metadata": {"style": "deepObject", "explode": True}}),
        {"metadata": {"a": {"b": 1}}}, {}, "POST /b", {"content-type": FORM}, "metadata%5Ba%5D%5Bb%5D=1",
    ),
    # Several parts.
    "parts of text and bytes": (
        body("multipart/form-data", {"caption": "string", "photo": "file"}), {"caption": "me", "photo": b"\x00\xff"}, {},
        "POST /b", {}, part("caption", "me") + part("photo", "\x00\xff", file("photo")) + "--BOUNDARY--\r\n",
    ),
    "parts of a described file": (
        body("multipart/form-data", {"photo": "file"}),
        {"photo": {"filename": 'a".png', "contentType": "image/png", "data": "AP8=", "encoding": "base64"}}, {},
        "POST /b", {}, part("photo", "\x00\xff", file("a%22.png", "image/png")) + "--BOUNDARY--\r\n",
    ),
    "parts of JSON": (
        body("multipart/form-data", {"of": "object"}), {"of": {"a": 1}}, {},
        "POST /b", {}, part("of", '{"a":1}', "\r\nContent-Type: application/json") + "--BOUNDARY--\r\n",
    ),
    # Bodies as they are.
    "bytes": (
        body("application/octet-stream", None), {"body": b"\x00\xff"}, {},
        "POST /b", {"content-type": "application/octet-stream"}, "\x00\xff",
    ),
    "text": (body("text/plain", None), {"body": "a\nb"}, {}, "POST /b", {"content-type": "text/plain"}, "a\nb"),
    # Credentials.
    "bearer": (
        secured({"type": "http", "scheme": "bearer"}), {}, {KEY: "abc"}, "GET /s", {"authorization": "Bearer abc"}, "",
    ),
    "basic of a pair": (
        secured({"type": "http", "scheme": "basic"}), {}, {KEY: "me:pass"}, "GET /s", {"authorization": f"Basic {PAIR}"}, "",
    ),
    "basic of name and password": (
        secured({"type": "http", "scheme": "basic"}), {}, {"VECTOR_USERNAME": "me", "VECTOR_PASSWORD": "pass"},
        "GET /s", {"authorization": f"Basic {PAIR}"}, "",
    ),
    "key in a header": (
        secured({"type": "apiKey", "in": "header", "name": "X-Key"}), {}, {KEY: "a b"}, "GET /s", {"x-key": "a b"}, "",
    ),
    "key in the query": (
        secured({"type": "apiKey", "in": "query", "name": "key"}, parameters=[parameter("q", "query")]),
        {"q": "1"}, {KEY: "a&b"}, "GET /s?q=1&key=a%26b", {}, "",
    ),
    "key in a cookie": (
        secured({"type": "apiKey", "in": "cookie", "name": "sid"}, parameters=[parameter("a", "cookie")]),
        {"a": "1"}, {KEY: "x y"}, "GET /s", {"cookie": "a=1; sid=x%20y"}, "",
    ),
    "token of OAuth": (
        secured({"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "http://127.0.0.1:1/t", "scopes": {}}}}),
        {}, {KEY: "ready"}, "GET /s", {"authorization": "Bearer ready"}, "",
    ),
    "key with a prefix": (
        {"path": "/s", "auth": {"type": "api_key", "in": "header", "name": "Authorization", "prefix": "Token "}},
        {}, {KEY: "abc"}, "GET /s", {"authorization": "Token abc"}, "",
    ),
    "headers of the service": (
        {"path": "/s", "auth": {"type": "headers", "headers": {"X-Id": "{ACME_ID}", "X-Key": "k {ACME_KEY}"}}},
        {}, {"ACME_ID": "i", "ACME_KEY": "s"}, "GET /s", {"x-id": "i", "x-key": "k s"}, "",
    ),
    # Documents of the version 2.
    "2.0: list with commas": (old("array"), {"color": COLORS}, {}, "GET /c?color=blue,black,brown", {}, ""),
    "2.0: list with spaces": (
        old("array", collectionFormat="ssv"), {"color": COLORS}, {}, "GET /c?color=blue%20black%20brown", {}, "",
    ),
    "2.0: list with tabs": (
        old("array", collectionFormat="tsv"), {"color": COLORS}, {}, "GET /c?color=blue%09black%09brown", {}, "",
    ),
    "2.0: list with pipes": (
        old("array", collectionFormat="pipes"), {"color": COLORS}, {}, "GET /c?color=blue%7Cblack%7Cbrown", {}, "",
    ),
    "2.0: list of many": (
        old("array", collectionFormat="multi"), {"color": COLORS}, {}, "GET /c?color=blue&color=black&color=brown", {}, "",
    ),
    "2.0: form": (
        {**old("string", "formData"), "method": "post"}, {"color": "a b"}, {}, "POST /c", {"content-type": FORM}, "color=a%20b",
    ),
    "2.0: file": (
        {**old("file", "formData"), "method": "post"}, {"color": b"x"}, {},
        "POST /c", {}, part("color", "x", file("color")) + "--BOUNDARY--\r\n",
    ),
    "2.0: body": (
        {
            "swagger": True, "method": "put", "path": "/c",
            "parameters": [
                {"name": "it", "in": "body", "schema": {"type": "object", "properties": {"a": {"type": "string"}}}}
            ],
        },
        {"a": "x"}, {}, "PUT /c", {"content-type": JSON}, '{"a":"x"}',
    ),
}  # fmt: skip


def document(told: dict[str, Any], url: str) -> dict[str, Any]:
    """A document of one operation."""
    method, address = told.get("method", "get"), told["path"]
    answers: dict[str, Any] = {"description": "."}
    if "answers" in told:
        answers["content"] = {told["answers"]: {}}
    operation = {"operationId": "call", "parameters": told.get("parameters", []), "responses": {200: answers}}
    if "body" in told:
        operation["requestBody"] = {"content": told["body"]}
    found = {"info": {"title": "Vectors", "version": "1"}, "paths": {address: {method: operation}}}
    if "security" in told:
        found |= {"components": {"securitySchemes": {"one": told["security"]}}, "security": [{"one": []}]}
    if told.get("swagger"):
        return {"swagger": "2.0", "host": url.removeprefix("http://"), "schemes": ["http"], **found}
    return {"openapi": "3.1.0", "servers": [{"url": url}], **found}


@pytest.mark.parametrize("name", VECTORS)
def test_a_request_is_exactly_this(name: str, recorder: Recorder) -> None:
    told, values, config, line, headers, sent = VECTORS[name]
    load_openapi(document(told, recorder.url), service="vector", auth=told.get("auth"))
    recorder.seen.clear()
    try:
        packets = {"input": [values]}
        if "body" in values:
            packets = {"body": [values["body"]]}
        elif any(isinstance(value, bytes) for value in values.values()):
            packets = {port: [value] for port, value in values.items()}
        elif not values:
            packets = {"trigger": [None]}
        out = ran("api_vector_call", config, packets)
    finally:
        unload_service("vector")
    assert out["error"] == []
    (seen,) = recorder.seen
    assert f"{seen.method} {seen.target}" == line
    assert {header: seen.headers.get(header) for header in headers} == headers
    kind, _, boundary = seen.headers.get("content-type", "").partition("; boundary=")
    expected = sent.encode("latin-1" if "\xff" in sent else "utf-8")
    assert (seen.body.replace(boundary.encode(), b"BOUNDARY") if boundary else seen.body) == expected
    if "BOUNDARY" in sent:
        assert kind == "multipart/form-data"
    if not sent:
        assert "content-type" not in seen.headers


def test_there_are_vectors_of_every_style() -> None:
    assert len(VECTORS) >= 60
