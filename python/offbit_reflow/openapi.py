"""Web APIs by their OpenAPI documents: every operation becomes a template. Needs the pack `reflow.pack.api_services`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

from . import _native
from .exceptions import PackError

#: The pack that does the work.
PACK = "reflow.pack.api_services"

_TYPES = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "array": "list[Any]",
    "object": "dict[str, Any]",
    "file": "bytes | str",
    "any": "Any",
}


@dataclass(frozen=True)
class ApiParameter:
    """Something that an operation takes.

    Attributes
    ----------
    name : str
        What the document calls it; a key of the object on `input`.
    port : str
        The inport, and the key of the config.
    place : str
        Where it goes: `path`, `query`, `header`, `cookie`, `body`, `form` or `raw` (the whole body).
    type : str
        `string`, `integer`, `number`, `boolean`, `array`, `object`, `file` or `any`.
    required : bool
        Whether no request is sent without it.
    """

    name: str
    port: str
    place: str
    type: str
    required: bool
    description: str = ""
    default: Any = None
    choices: tuple[Any, ...] = ()

    def __str__(self) -> str:
        """Write it as a parameter in Python."""
        kind = _TYPES.get(self.type, "Any")
        return f"{self.port}: {kind}" if self.required else f"{self.port}: {kind} | None = None"


@dataclass(frozen=True)
class ApiOperation:
    """An operation that became a template.

    Attributes
    ----------
    id : str
        The template id.
    ids : tuple of str
        All ids of the template.
    """

    id: str
    ids: tuple[str, ...]
    operation_id: str
    method: str
    path: str
    summary: str
    body: str | None
    parameters: tuple[ApiParameter, ...] = field(repr=False, default=())

    def signature(self) -> str:
        """Write the operation as a function in Python, its parameters by their ports."""
        seen: dict[str, ApiParameter] = {}
        for parameter in sorted(self.parameters, key=lambda one: not one.required):
            seen.setdefault(parameter.port, parameter)
        parameters = ", ".join(map(str, seen.values()))
        name = "".join(c if c.isalnum() else "_" for c in self.id)
        return f"def {name}(*, {parameters}) -> ApiResponse: ..." if parameters else f"def {name}() -> ApiResponse: ..."

    def help(self) -> str:
        """Describe the operation for people: what it takes, where that goes, and what else it is called."""
        lines = [f"{self.id}: {self.method} {self.path}"]
        if self.summary:
            lines += ["", self.summary]
        if self.parameters:
            lines += ["", "Inports (and keys of the config):"]
        for parameter in self.parameters:
            text = f"  {parameter.port} : {parameter.type}, in {parameter.place}"
            text += ", required" if parameter.required else ""
            text += f", default {parameter.default!r}" if parameter.default is not None else ""
            text += f", one of {', '.join(map(repr, parameter.choices))}" if parameter.choices else ""
            lines.append(text)
            if parameter.description:
                lines.append(f"      {parameter.description.strip().splitlines()[0]}")
        others = [one for one in self.ids if one != self.id]
        if others:
            lines += ["", f"Also called {', '.join(others)}."]
        return "\n".join(lines)


@dataclass(frozen=True)
class OpenApiReport(Mapping[str, ApiOperation]):
    """What became of a document: its operations by id, what was left out and why, and warnings.

    Attributes
    ----------
    service : str
        The word in all ids; credentials are called by it, `PETSTORE_API_KEY`.
    operations : tuple of ApiOperation
        The templates that were made, in the order of the document's paths.
    skipped : tuple of dict
        What was left out: `where` it is, and `why`.
    warnings : tuple of str
        What is odd.
    """

    service: str
    name: str
    base_url: str
    operations: tuple[ApiOperation, ...]
    skipped: tuple[dict[str, str], ...]
    warnings: tuple[str, ...]

    def __getitem__(self, id_: str) -> ApiOperation:
        """Find an operation by one of its ids, or by its `operationId`."""
        for operation in self.operations:
            if id_ in operation.ids or id_ == operation.operation_id:
                return operation
        raise KeyError(f"`{self.service}` has no operation `{id_}`")

    def __iter__(self) -> Iterator[str]:
        """Give the ids of the templates."""
        return (operation.id for operation in self.operations)

    def __len__(self) -> int:
        """Count the operations."""
        return len(self.operations)

    def __str__(self) -> str:
        """Say in a few lines what became of the document."""
        lines = [f"{self.service}: {len(self.operations)} operations at {self.base_url or '?'}"]
        lines += [f"  left out: {one['where']}: {one['why']}" for one in self.skipped]
        lines += [f"  warning: {warning}" for warning in self.warnings]
        return "\n".join(lines)

    def help(self, id_: str | None = None) -> str:
        """Describe one operation, or all of them in a line each."""
        if id_ is not None:
            return self[id_].help()
        return "\n".join(f"{one.id}: {one.method} {one.path}  {one.summary}".rstrip() for one in self.operations)

    def stubs(self) -> str:
        """Write all operations as functions with types, a module for tools that complete and check."""
        head = ["from typing import Any, TypedDict", "", "class ApiResponse(TypedDict):", "    status: int"]
        head += ["    headers: dict[str, str]", "    body: Any", ""]
        lines = [line for one in self.operations for line in (f"# {one.method} {one.path}", one.signature())]
        return "\n".join(head + lines) + "\n"


def load_openapi(
    document: str | PathLike[str] | Mapping[str, Any],
    service: str | None = None,
    base_url: str | None = None,
    auth: str | Mapping[str, Any] | None = None,
    name: str | None = None,
    category: str | None = None,
    include: str | Iterable[str] | None = None,
    exclude: str | Iterable[str] | None = None,
    *,
    replace: bool = False,
    deprecated: bool = False,
    folder: str | PathLike[str] | None = None,
) -> OpenApiReport:
    """Make a template of every operation of an OpenAPI document (2.0, 3.0 or 3.1).

    Parameters
    ----------
    document : path or mapping
        A file of JSON or YAML, or the document itself.
    service : str, optional
        The word for ids and credentials; by default one of the document's title. What was loaded for it before goes.
    base_url : str, optional
        Where the service is, in place of what the document says; may hold `{variables}`, which are keys of configs.
    auth : str or mapping, optional
        How requests say who asks, in place of what the document says: `"none"`, `"bearer"`, `"basic"`, or a mapping with
        `type` (also `api_key`, `oauth2`, `aws`, `headers`, `hmac`) and its keys.
    name, category : str, optional
        Words for people.
    include, exclude : str or iterable of str, optional
        Which operations: ids, `operationId`s, paths (`*` stands for anything), `GET /path`, or tags.
    replace : bool
        Whether ids of operations that come along with the pack are taken over.
    deprecated : bool
        Whether deprecated operations are wanted.
    folder : path, optional
        The folder whose files references may lead to. Without it, references out of the document are refused.

    Returns
    -------
    OpenApiReport
        The operations by id, what was left out and why, and warnings.

    Raises
    ------
    PackError
        When the pack is not loaded, or the document cannot be read (a RuntimeError).

    Examples
    --------
    >>> load_pack("reflow.pack.api_services.rflpack")                               # doctest: +SKIP
    >>> report = load_openapi("petstore.yaml", service="petstore")                  # doctest: +SKIP
    >>> print(report["showPetById"].help())                                         # doctest: +SKIP
    """
    arguments: dict[str, Any] = {
        "service": service,
        "base_url": base_url,
        "auth": dict(auth) if isinstance(auth, Mapping) else auth,
        "name": name,
        "category": category,
        "include": _list(include),
        "exclude": _list(exclude),
        "replace": replace,
        "deprecated": deprecated,
        "folder": None if folder is None else os.fspath(folder),
    }
    if isinstance(document, Mapping):
        # As text: packets have their members in the order of the alphabet, and ports are in that of the document.
        try:
            arguments["document"] = json.dumps(dict(document))
        except (TypeError, ValueError, RecursionError) as why:
            raise PackError(f"the document is nothing that JSON can hold: {why}") from why
    else:
        arguments["path"] = os.fspath(document)
    report = _native._call_pack(PACK, "load_openapi", arguments)
    return OpenApiReport(
        service=report["service"],
        name=report["name"],
        base_url=report["base_url"],
        operations=tuple(map(_operation, report["operations"])),
        skipped=tuple(report["skipped"]),
        warnings=tuple(report["warnings"]),
    )


def unload_service(service: str) -> int:
    """Forget the operations that were loaded for a service; how many templates that were.

    Raises
    ------
    PackError
        When nothing was loaded for it, or it came along with the pack.

    Examples
    --------
    >>> from offbit_reflow import unload_service
    >>> unload_service("shop")  # doctest: +SKIP
    12
    """
    templates: int = _native._call_pack(PACK, "unload_service", {"service": service})["templates"]
    return templates


def describe_operation(id_: str) -> ApiOperation:
    """Describe the operation behind a template, one that came along or one that was loaded.

    Raises
    ------
    PackError
        When there is none.
    """
    return _operation(_native._call_pack(PACK, "describe", {"id": id_}))


def openapi_folders() -> dict[str, Any]:
    """Tell what became of the documents in the folders of `OFFBIT_REFLOW_OPENAPI_PATH`: a report each, or an `error`."""
    told: dict[str, Any] = _native._call_pack(PACK, "folders", {})
    return told


def _list(words: str | Iterable[str] | None) -> list[str]:
    return [] if words is None else [words] if isinstance(words, str) else list(words)


def _operation(told: Mapping[str, Any]) -> ApiOperation:
    parameters = tuple(
        ApiParameter(
            name=one["name"],
            port=one["port"],
            place=one["in"],
            type=one["type"],
            required=one["required"],
            description=one["description"],
            default=one["default"],
            choices=tuple(one["enum"]),
        )
        for one in told["parameters"]
    )
    return ApiOperation(
        id=told["id"],
        ids=tuple(told["ids"]),
        operation_id=told["operation_id"],
        method=told["method"],
        path=told["path"],
        summary=told["summary"],
        body=told["body"],
        parameters=parameters,
    )


__all__ = [
    "ApiOperation",
    "ApiParameter",
    "OpenApiReport",
    "describe_operation",
    "load_openapi",
    "openapi_folders",
    "unload_service",
]
