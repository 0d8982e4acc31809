"""Web APIs: documents become templates, templates make requests; every request here stays on this machine."""

from __future__ import annotations

import base64
import gzip
import json
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from offbit_reflow import Network, Replay, load_openapi, template_info, template_list, unload_service
from offbit_reflow.exceptions import PackError
from offbit_reflow.openapi import describe_operation

from .support import run_node

NAME = "reflow.pack.api_services"
SECRET = "s3cr3t-Cr3dential"  # one that is looked for wherever something is told


@pytest.fixture(scope="module", autouse=True)
def pack(first_party: Callable[[str], list[str]]) -> list[str]:
    return first_party(NAME)


class Seen:
    """A request as it came."""

    def __init__(self, method: str, target: str, headers: Any, body: bytes) -> None:
        self.method, self.target, self.body = method, target, body
        self.path, _, self.query = target.partition("?")
        self.headers = {name.lower(): value for name, value in headers.items()}

    def json(self) -> Any:
        return json.loads(self.body)

    def pairs(self) -> list[tuple[str, str]]:
        return urllib.parse.parse_qsl(self.query, keep_blank_values=True)

    def form(self) -> list[tuple[str, str]]:
        return urllib.parse.parse_qsl(self.body.decode(), keep_blank_values=True)


class Recorder:
    """A server that records, and answers as it is told."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.answers: Callable[[Seen], tuple[int, dict[str, str], bytes]] | None = None
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                seen = Seen(self.command, self.path, self.headers, self.rfile.read(length))
                recorder.seen.append(seen)
                answer = recorder.answers or (lambda _: (200, {"content-type": "application/json"}, b'{"ok": true}'))
                status, headers, body = answer(seen)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "content-length" not in headers:
                    self.send_header("content-length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do  # noqa: N815

            def log_message(self, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 256
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    recorder.server.shutdown()
    recorder.server.server_close()


def ran(template: str, config: dict[str, Any], packets: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """What a node puts out for packets, and what it said; no secret is in it."""
    net = Network()
    net.add_node("n", template, config)
    for port, values in packets.items():
        for value in values:
            net.add_initial("n", port, value)
    for port in ("response", "error", "data", "page"):
        net.add_outport(port, "n", port)
    events = net.events()
    result = net.run(timeout=30)
    told = [str(event) for event in events]
    assert SECRET not in "".join(told)
    assert SECRET not in repr(result.failures)
    collected = result.collected()
    return {port: list(collected.get(port, [])) for port in ("response", "error", "data", "page")}


def test_a_request_is_made_of_packets_config_and_credential(recorder: Recorder) -> None:
    config = {"baseUrl": recorder.url, "GITHUB_API_KEY": SECRET, "owner": "me"}
    out = ran("api_github_create_issue", config, {"input": [{"repo": "a/b", "title": "x"}]})
    seen = recorder.seen[0]
    assert (seen.method, seen.path, seen.json()) == ("POST", "/repos/me/a%2Fb/issues", {"title": "x"})
    assert seen.headers["authorization"] == f"Bearer {SECRET}"
    assert seen.headers["user-agent"].startswith("offbit-reflow/")
    assert out["response"][0]["status"] == 200
    assert out["response"][0]["body"] == out["data"][0] == {"ok": True}


def sample(parameter: Any, number: int) -> Any:
    return {
        "integer": number,
        "number": number + 0.5,
        "boolean": True,
        "array": [f"a{number}", f"b{number}"],
        "object": {f"k{number}": f"v{number}"},
        "file": f"f{number}",
    }.get(parameter.type, f"s {number}/ä")


def text_of(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


@pytest.mark.timeout(300)
def test_all_operations_put_everything_where_it_belongs(recorder: Recorder, pack: list[str]) -> None:
    ids = [id_ for id_ in pack if id_.startswith("api_")]
    operations = {operation.id: operation for operation in map(describe_operation, ids)}
    assert len(operations) == 3_307
    sent: dict[str, dict[str, Any]] = {}
    net = Network()
    for place, operation in enumerate(operations.values()):
        # Where a parameter is the credential itself, that is what goes there.
        parameters = [
            one for one in operation.parameters if (operation.id, one.name) != ("api_amplitude_send_event", "api_key")
        ]
        values = {one.name: sample(one, number) for number, one in enumerate(parameters, 100)}
        sent[operation.id] = values
        config = {"baseUrl": f"{recorder.url}/{place}/api", "retries": 0, **keys(operation.id)}
        net.add_node(f"n{place}", operation.id, config)
        info = "input" if not any(one.port == "input" for one in operation.parameters) else "input_"
        net.add_initial(f"n{place}", info, values)
    result = net.run(timeout=280)
    assert not result.failures, result.failures[:3]
    wrong = []
    by_place = {int(seen.path.split("/")[1]): seen for seen in recorder.seen}
    for place, operation in enumerate(operations.values()):
        seen = by_place.get(place)
        problem = "no request" if seen is None else misplaced(operation, sent[operation.id], seen)
        if problem:
            wrong.append((operation.id, problem))
    assert not wrong, (len(wrong), wrong[:5])


def keys(id_: str) -> dict[str, str]:
    """Credentials under every name that the template knows."""
    properties = template_info(id_)["config_schema"]["properties"]
    return {name: f"{SECRET}:{name}" for name, schema in properties.items() if schema.get("writeOnly")}


def misplaced(operation: Any, values: dict[str, Any], seen: Seen) -> str | None:
    """What is not where it belongs."""
    if "{" in seen.target or "%7B" in seen.target:
        return f"a brace is left: {seen.target}"
    where = seen.target + json.dumps(seen.headers) + seen.body.decode(errors="replace")
    if SECRET not in where and base64.b64encode(SECRET.encode())[:12].decode() not in where and "AWS4" not in where:
        return "no credential"
    path = urllib.parse.unquote(seen.path)
    query, kind = seen.pairs(), seen.headers.get("content-type", "")
    is_graphql = operation.ids[0] in GRAPHQL
    for one in operation.parameters:
        if one.name not in values:
            continue
        value = values[one.name]
        texts = list(map(text_of, value)) if isinstance(value, list) else [text_of(value)]
        if isinstance(value, dict):
            texts = [text for pair in value.items() for text in pair]
        found: Any = None
        if is_graphql:
            body = seen.json()
            found = value in (body.get(one.name), body["variables"].get(one.name))
        elif one.place == "path":
            found = one.required is False or all(text in path for text in texts)
        elif one.place == "query":
            of_name = [text for name, text in query if name.split("[")[0] == one.name or name in texts]
            found = all(text in " ".join(of_name + [name for name, _ in query]) for text in texts)
        elif one.place == "header":
            got = seen.headers[one.name.lower()].encode("latin-1").decode()
            found = one.name.lower() == "authorization" or all(text in got for text in texts)
        elif one.place == "body":
            found = seen.json().get(one.name) in (value, values.get(one.name))
        elif one.place == "form" and kind.startswith("multipart/"):
            part = seen.body.decode().split(f'; name="{one.name}"')[1]
            found = all(text in part for text in texts)
        elif one.place == "form":
            decoded = " ".join(
                f"{name} {text}" for name, text in seen.form() if name.split("[")[0] in (one.name, *texts)
            )
            found = all(text in decoded for text in texts)
        else:
            found = all(text in seen.body.decode() for text in texts)
        if not found:
            return f"`{one.name}` ({one.place}, {one.type}): {value!r} not in {seen.target} {seen.body[:300]!r}"
    return None


GRAPHQL = {
    "api_github_list_repositories",
    "api_linear_create_issue",
    "api_linear_list_issues",
    "api_linear_read_issue",
    "api_monday_create_board",
    "api_monday_create_item",
}

PETSTORE = """
openapi: 3.0.3
info: {title: Pet Store, version: "1"}
servers:
  - url: "{scheme}://{host}/v1"
    variables: {scheme: {default: http}, host: {default: "127.0.0.1:1"}}
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Key}
  parameters:
    limit: {name: limit, in: query, schema: {type: integer, default: 20}}
  schemas:
    Base: {type: object, required: [name], properties: {id: {type: integer, readOnly: true}, name: {type: string}}}
    Pet:
      allOf:
        - $ref: "#/components/schemas/Base"
        - type: object
          properties: {tag: {type: string}, friends: {type: array, items: {$ref: "#/components/schemas/Pet"}}}
    Loop: {$ref: "#/components/schemas/Loop"}
security: [{key: []}]
paths:
  /pets:
    get:
      operationId: listPets
      tags: [pets]
      parameters:
        - $ref: "#/components/parameters/limit"
        - {name: tags, in: query, style: pipeDelimited, explode: false, schema: {type: array, items: {type: string}}}
        - {name: filter, in: query, style: deepObject, explode: true, schema: {type: object}}
    post:
      operationId: createPet
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}}
  /pets/{petId}:
    parameters: [{name: petId, in: path, required: true, schema: {type: integer}}]
    get: {operationId: showPetById, security: []}
    delete: {operationId: deletePet, deprecated: true}
  /pets/{petId}/photo:
    parameters: [{name: petId, in: path, required: true, schema: {type: integer}}]
    put:
      operationId: uploadPhoto
      requestBody:
        content:
          multipart/form-data:
            schema:
              type: object
              properties: {caption: {type: string}, photo: {type: string, format: binary}}
  /broken:
    get: {operationId: broken, parameters: [{$ref: "#/components/parameters/none"}]}
    post: {$ref: "other.yaml#/x"}
  /loop:
    post:
      operationId: postLoop
      requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/Loop"}}}}
"""


@pytest.fixture
def petstore(tmp_path: Any) -> Iterator[Any]:
    file = tmp_path / "petstore.yaml"
    file.write_text(PETSTORE)
    yield load_openapi(file, service="petstore")
    unload_service("petstore")


def test_a_document_becomes_templates_with_a_report(petstore: Any) -> None:
    assert list(petstore) == [
        "api_petstore_read_broken",
        "api_petstore_create_loop",
        "api_petstore_list_pets",
        "api_petstore_create_pet",
        "api_petstore_read_pets",
        "api_petstore_upload_photo",
    ] or list(petstore)[2:4] == ["api_petstore_list_pets", "api_petstore_create_pet"]
    told = {one["where"]: one["why"] for one in petstore.skipped}
    assert "deprecated" in told["DELETE /pets/{petId}"]
    assert "leads out of the document" in told["POST /broken"]
    assert any("leads to nothing" in warning for warning in petstore.warnings)
    show = petstore["showPetById"]
    assert "api_petstore_show_pet_by_id" in show.ids
    assert set(show.ids) <= set(template_list())
    assert "petId : integer, in path, required" in show.help()
    assert "petId: int" in petstore.stubs()
    create = petstore["createPet"]
    assert [(one.port, one.required) for one in create.parameters] == [
        ("name", True),
        ("tag", False),
        ("friends", False),
    ]
    info = template_info("api_petstore_create_pet")
    assert [port["name"] for port in info["inports"]] == ["name", "tag", "friends", "input", "trigger"]
    assert [port["name"] for port in info["outports"]] == ["response", "error", "data", "stream", "page"]
    compile(petstore.stubs(), "stubs", "exec")


def test_its_operations_are_called_as_it_says(petstore: Any, recorder: Recorder) -> None:
    host = recorder.url.removeprefix("http://")
    config = {"host": host, "PETSTORE_API_KEY": SECRET}
    ran("api_petstore_list_pets", config, {"input": [{"tags": ["a b", "c"], "filter": {"x": {"y": 1}}, "limit": "5"}]})
    seen = recorder.seen[-1]
    assert seen.target == "/v1/pets?limit=5&tags=a%20b%7Cc&filter%5Bx%5D%5By%5D=1"
    assert seen.headers["x-key"] == SECRET
    ran("api_petstore_show_pet_by_id", {"host": host}, {"petId": [7]})
    assert (recorder.seen[-1].path, recorder.seen[-1].headers.get("x-key")) == ("/v1/pets/7", None)
    ran("api_petstore_create_pet", config, {"name": ["Rex"], "friends": [[{"name": "Tom"}]]})
    assert recorder.seen[-1].json() == {"name": "Rex", "friends": [{"name": "Tom"}]}
    ran("api_petstore_upload_photo", config, {"petId": [1], "photo": [b"\x00\xff"], "caption": ["me"]})
    body = recorder.seen[-1].body
    assert b'name="photo"; filename="photo"\r\nContent-Type: application/octet-stream\r\n\r\n\x00\xff\r\n' in body
    assert b'name="caption"\r\n\r\nme\r\n' in body


def test_what_is_missing_or_wrong_is_told_before_anything_is_sent(petstore: Any, recorder: Recorder) -> None:
    host = recorder.url.removeprefix("http://")
    kinds = [
        ("api_petstore_create_pet", {"PETSTORE_API_KEY": SECRET}, {"tag": ["x"]}, "missing_parameter", ["name"]),
        ("api_petstore_create_pet", {}, {"name": ["x"]}, "missing_credential", ["PETSTORE_API_KEY"]),
        ("api_petstore_show_pet_by_id", {}, {"petId": ["seven"]}, "invalid_parameter", ["petId"]),
        ("api_petstore_show_pet_by_id", {}, {"petId": [1.5]}, "invalid_parameter", ["petId"]),
    ]
    for template, config, packets, kind, parameters in kinds:
        error = ran(template, {"host": host, **config}, packets)["error"][0]
        assert (error["kind"], error["parameters"]) == (kind, parameters)
    assert not recorder.seen
    error = ran("api_github_read_gitignore", {"GITHUB_API_KEY": SECRET, "baseUrl": recorder.url}, {"name": [".."]})
    assert error["error"][0]["kind"] == "invalid_parameter"


def test_values_that_an_operation_does_not_name_are_sent_or_refused(petstore: Any, recorder: Recorder) -> None:
    # A body may have more members than a document names, and what comes along does not name everything.
    host = recorder.url.removeprefix("http://")
    config = {"host": host, "PETSTORE_API_KEY": SECRET}
    ran("api_petstore_create_pet", {**config, "params": {"color": "red"}}, {"input": [{"name": "Rex", "age": 3}]})
    assert recorder.seen[-1].json() == {"name": "Rex", "age": 3, "color": "red"}
    ran("api_github_list_meta", {"baseUrl": recorder.url, "GITHUB_API_KEY": SECRET}, {"input": [{"page": 2}]})
    assert recorder.seen[-1].target == "/?page=2"
    recorder.seen.clear()
    error = ran("api_petstore_show_pet_by_id", config, {"input": [{"petId": 1, "petid": 2}]})["error"][0]
    assert (error["kind"], error["parameters"]) == ("invalid_parameter", ["petid"])
    assert "`petId`" in error["message"]
    assert not recorder.seen


def test_a_login_in_an_address_is_sent_and_kept_secret(recorder: Recorder) -> None:
    recorder.answers = lambda seen: (401, {}, seen.headers["authorization"].encode())
    url = recorder.url.replace("://", f"://me:{SECRET}@") + "/x"
    error = ran("tpl_api_request", {"url": url}, {"trigger": [None]})["error"][0]
    pair = base64.b64encode(f"me:{SECRET}".encode()).decode()
    assert recorder.seen[-1].headers["authorization"] == f"Basic {pair}"
    assert error["body"] == "Basic ***"
    error = ran("tpl_api_request", {"url": f"http://me:{SECRET}@[::1/x"}, {"trigger": [None]})["error"][0]
    assert SECRET not in str(error)


def test_a_key_of_bodies_is_in_those_of_several_parts_too(recorder: Recorder) -> None:
    schema = {"type": "object", "properties": {"photo": {"type": "string", "format": "binary"}}}
    post = {"operationId": "sendPhoto", "requestBody": {"content": {"multipart/form-data": {"schema": schema}}}}
    document = {"openapi": "3.1.0", "info": {"title": "Photo Shop"}, "paths": {"/photo": {"post": post}}}
    report = load_openapi(document, base_url=recorder.url, auth={"type": "api_key", "in": "body", "name": "key"})
    try:
        # Credentials are called by the service, also where only the title says what that is.
        ran("api_photo_shop_send_photo", {"PHOTO_SHOP_API_KEY": SECRET}, {"photo": [b"x"]})
        assert f'name="key"\r\n\r\n{SECRET}\r\n' in recorder.seen[-1].body.decode()
    finally:
        unload_service(report.service)


def test_packets_are_paired_and_answers_keep_their_order(petstore: Any, recorder: Recorder) -> None:
    def answer(seen: Seen) -> tuple[int, dict[str, str], bytes]:
        name = seen.json()["name"]
        time.sleep(0.2 if name == "n0" else 0)
        return 200, {"content-type": "application/json"}, json.dumps(name + seen.json()["tag"]).encode()

    recorder.answers = answer
    config = {"host": recorder.url.removeprefix("http://"), "PETSTORE_API_KEY": SECRET}
    out = ran(
        "api_petstore_create_pet", config, {"name": [f"n{i}" for i in range(8)], "tag": [f"t{i}" for i in range(8)]}
    )
    assert out["data"] == [f"n{i}t{i}" for i in range(8)]
    recorder.seen.clear()
    out = ran(
        "api_petstore_create_pet", {**config, "firing": "each", "name": "x", "tag": "y"}, {"name": ["a"], "tag": ["b"]}
    )
    assert sorted(seen.json()["name"] + seen.json()["tag"] for seen in recorder.seen) == ["ay", "xb"]


def test_packets_from_outside_wait_for_what_is_required(petstore: Any, recorder: Recorder) -> None:
    config = {"host": recorder.url.removeprefix("http://"), "PETSTORE_API_KEY": SECRET, "name": "d"}
    net = Network()
    net.add_node("n", "api_github_create_issue", {"baseUrl": recorder.url, "GITHUB_API_KEY": SECRET})
    net.add_node("p", "api_petstore_create_pet", config)
    answers, others = net.listen("n", "response"), net.listen("p", "response")
    net.start()
    for port, value in (("owner", "o"), ("repo", "r"), ("title", "t")):
        net.send("n", port, value)
    assert answers.recv(timeout=20) is not None
    assert recorder.seen[-1].path == "/repos/o/r/issues"
    net.send("n", "input", {"owner": "p", "repo": "q", "title": "z"})
    assert answers.recv(timeout=20) is not None
    assert recorder.seen[-1].path == "/repos/p/q/issues"
    net.send("p", "tag", "x")
    assert others.recv(timeout=20) is not None
    assert recorder.seen[-1].json() == {"name": "d", "tag": "x"}
    net.shutdown()


def test_statuses_retries_and_waits(recorder: Recorder) -> None:
    answers: list[tuple[int, dict[str, str], bytes]] = []
    recorder.answers = lambda _: answers.pop(0)
    config = {"baseUrl": recorder.url, "GITHUB_API_KEY": SECRET}
    answers[:] = [(503, {"retry-after": "0"}, b"")] * 2 + [(429, {"retry-after": "0"}, b""), (200, {}, b"done")]
    out = ran("api_github_list_meta", config, {"trigger": [None]})
    assert out["response"][0]["body"] == "done"
    assert len(recorder.seen) == 4
    answers[:] = [(404, {"content-type": "text/plain"}, f"no {SECRET} here".encode())]
    error = ran("api_github_list_meta", config, {"trigger": [None]})["error"][0]
    assert (error["kind"], error["status"], error["body"], error["attempts"]) == ("http", 404, "no *** here", 1)
    answers[:] = [(500, {}, b"")] * 2
    recorder.seen.clear()
    issue = {"input": [{"owner": "a", "repo": "b", "title": "c"}]}
    error = ran("api_github_create_issue", {**config, "retries": 1}, issue)["error"][0]
    assert (error["status"], len(recorder.seen)) == (500, 1), "a POST is not sent again"
    answers[:] = [(500, {}, b"x")]
    out = ran("api_github_create_issue", {**config, "errorStatus": False}, issue)
    assert out["response"][0]["status"] == 500
    assert not out["error"]


def test_hostile_answers_are_errors(recorder: Recorder) -> None:
    config = {"baseUrl": recorder.url, "GITHUB_API_KEY": SECRET, "retries": 0, "maxResponseBytes": 1000}
    kinds = [
        ((200, {"content-type": "application/json"}, b"{"), "decode"),
        ((200, {}, b"x" * 1001), "too_large"),
        ((200, {"content-length": "100"}, b"short"), "transport"),
        ((200, {"content-encoding": "gzip"}, gzip.compress(b"y" * 100_000)), "too_large"),
        ((302, {"location": "ftp://a/"}, b""), "transport"),
        ((302, {"location": "/meta"}, b""), "transport"),
    ]
    for answer, kind in kinds:
        recorder.answers = lambda _, answer=answer: answer
        error = ran("api_github_list_meta", {**config, "timeoutMs": 1500}, {"trigger": [None]})["error"][0]
        assert error["kind"] in (kind, "timeout"), (answer[:2], error)
    recorder.answers = lambda _: time.sleep(0.6) or (200, {}, b"")  # type: ignore[func-returns-value]
    error = ran("api_github_list_meta", {**config, "timeoutMs": 200}, {"trigger": [None]})["error"][0]
    assert error["kind"] == "timeout"
    config["baseUrl"] = "http://127.0.0.1:9"
    assert ran("api_github_list_meta", config, {"trigger": [None]})["error"][0]["kind"] == "transport"


def test_a_redirect_to_another_host_gets_no_credential(recorder: Recorder) -> None:
    other = Recorder()
    recorder.answers = lambda _: (302, {"location": other.url + "/there"}, b"")
    out = ran("api_github_list_meta", {"baseUrl": recorder.url, "GITHUB_API_KEY": SECRET}, {"trigger": [None]})
    assert out["response"][0]["status"] == 200
    assert "authorization" in recorder.seen[0].headers
    assert "authorization" not in other.seen[0].headers
    other.server.shutdown()
    other.server.server_close()


def test_a_recording_holds_no_credential(recorder: Recorder, tmp_path: Any) -> None:
    free = {"service": "github", "operation": "list_meta", "baseUrl": recorder.url, "GITHUB_API_KEY": SECRET}
    file = tmp_path / "run.rfltrace"
    net = Network()
    net.add_node("a", "api_github_list_meta", {"baseUrl": recorder.url, "GITHUB_API_KEY": SECRET})
    net.add_node("b", "tpl_api_request", free)
    for node in "ab":
        net.add_initial(node, "trigger", None)
        net.add_outport(node, node, "data")
    assert net.run(timeout=30, record=file).outputs == {"a": [{"ok": True}], "b": [{"ok": True}]}
    assert [seen.headers["authorization"] for seen in recorder.seen] == [f"Bearer {SECRET}"] * 2
    recording = gzip.decompress(file.read_bytes()).decode()
    assert recorder.url in recording
    assert SECRET not in recording
    with Replay(file) as replay:
        reasons = {failure.reason for failure in replay.run().failures}
    assert reasons == {"missing_credential"}


def test_tokens_are_had_once_and_again_when_they_are_refused(recorder: Recorder) -> None:
    had: list[str] = []

    def answer(seen: Seen) -> tuple[int, dict[str, str], bytes]:
        if seen.path == "/token":
            had.append(seen.headers["authorization"])
            told = {"access_token": f"{SECRET}-{len(had)}", "expires_in": 3600}
            return 200, {"content-type": "application/json"}, json.dumps(told).encode()
        first = seen.headers["authorization"] == f"Bearer {SECRET}-1"
        return 401 if first and len(recorder.seen) > 5 else 200, {"content-type": "application/json"}, b"{}"

    recorder.answers = answer
    config = {
        "baseUrl": recorder.url,
        "tokenUrl": recorder.url + "/token",
        "SPOTIFY_CLIENT_ID": "me",
        "SPOTIFY_CLIENT_SECRET": SECRET,
    }
    out = ran("api_spotify_read_an_album", config, {"id": [f"a{i}" for i in range(8)]})
    assert len(out["response"]) == 8, out["error"]
    assert len(had) == 2
    assert base64.b64decode(had[0].removeprefix("Basic ")).decode() == f"me:{SECRET}"


def test_pages_are_joined(recorder: Recorder) -> None:
    def answer(seen: Seen) -> tuple[int, dict[str, str], bytes]:
        page = int(dict(seen.pairs()).get("page", 1))
        headers = {"content-type": "application/json"}
        if page < 3:
            headers["link"] = f'<{recorder.url}/user/repos?page={page + 1}>; rel="next"'
        return 200, headers, json.dumps([page * 10, page * 10 + 1]).encode()

    recorder.answers = answer
    config = {"baseUrl": recorder.url, "GITHUB_API_KEY": SECRET, "pagination": {"type": "link"}}
    out = ran("api_github_list_security_advisories", config, {"trigger": [None]})
    assert [page["body"] for page in out["page"]] == [[10, 11], [20, 21], [30, 31]]
    assert out["data"][0] == [10, 11, 20, 21, 30, 31]


def test_server_sent_events_leave_one_by_one(recorder: Recorder) -> None:
    body = b': hello\n\nevent: delta\ndata: {"n": 1}\n\ndata: two\r\ndata: lines\r\n\r\ndata: [DONE]\n\ndata: cut off'
    recorder.answers = lambda _: (200, {"content-type": "text/event-stream"}, body)
    config = {"baseUrl": recorder.url, "OPENAI_API_KEY": SECRET, "streamResponse": True}
    asked = {"input": {"model": "m", "messages": [], "stream": True}}
    ports = ["stream", "response", "error"]
    outputs = run_node("api_openai_generate_completion", config, asked, listen=ports)
    assert outputs["error"] == []
    begin, *frames, end = outputs.one("stream")
    assert begin["content_type"] == "text/event-stream"
    assert [bytes(frame["data"]) for frame in frames] == [b'{"n": 1}', b"two\nlines", b"[DONE]"]
    assert end == {"kind": "end"}
    assert recorder.seen[0].json()["stream"] is True


def test_a_download_leaves_while_it_comes(recorder: Recorder) -> None:
    body = bytes(range(256)) * 4096
    recorder.answers = lambda _: (200, {"content-type": "application/octet-stream"}, body)
    config = {"url": recorder.url + "/file", "streamResponse": True}
    outputs = run_node("tpl_api_request", config, {"trigger": None}, listen=["stream", "error"])
    _, *frames, end = outputs.one("stream")
    assert b"".join(bytes(frame["data"]) for frame in frames) == body
    assert end == {"kind": "end"}


def test_graphql_asks_its_one_address(recorder: Recorder) -> None:
    recorder.answers = lambda _: (
        200,
        {"content-type": "application/json"},
        b'{"errors": [{"message": "no"}], "data": null}',
    )
    config = {"baseUrl": recorder.url + "/graphql", "LINEAR_API_KEY": SECRET}
    error = ran("api_linear_read_issue", config, {"id": ["x"]})["error"][0]
    seen = recorder.seen[0]
    assert (seen.path, seen.json()["variables"]) == ("/graphql", {"id": "x"})
    assert "issue(id: $id)" in seen.json()["query"]
    assert error["message"] == "no"


def test_any_request_without_a_template(recorder: Recorder, tmp_path: Any) -> None:
    config = {"method": "post", "url": recorder.url + "/a/{id}", "auth": "bearer", "REQUEST_API_KEY": SECRET}
    ran("tpl_api_request", config, {"input": [{"id": 5, "x": [1]}]})
    seen = recorder.seen[-1]
    assert (seen.method, seen.path, seen.json(), seen.headers["authorization"]) == (
        "POST",
        "/a/5",
        {"x": [1]},
        f"Bearer {SECRET}",
    )
    ran("tpl_api_request", {"url": recorder.url + "/b"}, {"input": [{"q": "a b"}]})
    assert recorder.seen[-1].target == "/b?q=a%20b"
    file = tmp_path / "p.yaml"
    file.write_text(PETSTORE)
    config = {"document": str(file), "service": "shop", "operation": "showPetById", "host": recorder.url[7:]}
    ran("tpl_api_request", config, {"petId": [3]})
    assert recorder.seen[-1].path == "/v1/pets/3"
    config = {"service": "github", "operation": "create_issue", "baseUrl": recorder.url, "GITHUB_API_KEY": SECRET}
    ran("tpl_api_request", config, {"input": [{"owner": "a", "repo": "b", "title": "c"}]})
    assert recorder.seen[-1].path == "/repos/a/b/issues"


def test_documents_that_cannot_be_are_refused(tmp_path: Any) -> None:
    deep: Any = {}
    for _ in range(200):
        deep = {"a": deep}
    for document, words in [
        ({}, "neither `openapi`"),
        ({"openapi": "4.0.0"}, "2.0, 3.0 and 3.1"),
        ({"openapi": "3.0.0", "info": {"title": "x"}, "paths": {}, "x": deep}, "levels"),
        ({"openapi": "3.0.0", "info": {"title": object()}}, "nothing that JSON can hold"),
    ]:
        with pytest.raises(PackError, match=words):
            load_openapi(document, service="x")
    bomb = tmp_path / "bomb.yaml"
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    bomb.write_text("\n".join(lines))
    with pytest.raises(PackError, match="values"):
        load_openapi(bomb)
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(PackError, match="bytes"):
        load_openapi(large)
    with pytest.raises(PackError, match="came along"):
        unload_service("github")
