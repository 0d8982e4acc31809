"""A Rust-backed actor runtime: programs as graphs of steps with data flowing through them."""

from __future__ import annotations

import sys

from ._native import __version__

# Each name is loaded when it is used first: a program pays for what it takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from . import exceptions
    from ._actor import Actor
    from ._functions import actor
    from ._native import (
        ActorCallContext,
        GraphChanges,
        GraphJournal,
        Message,
        Stream,
        StreamReader,
        TickBatch,
        template_actor,
        template_info,
        template_list,
    )
    from ._values import PortValue, Signal
    from .assets import Asset, AssetStore, AssetWatch
    from .diagnostic import Diagnostic
    from .exceptions import ReflowError
    from .flow import Flow, node, wire
    from .graph import CriticalPath, Graph, GraphDiff, SubgraphBuilder, compose_graphs
    from .network import EventStream, Listener, Network
    from .openapi import load_openapi, unload_service
    from .packs import inspect_pack, list_packs, load_pack, pack_abi_version
    from .pictures import Image, Mesh
    from .replay import Replay
    from .result import Failure, RunResult
    from .store import RunDetails, Store

__all__ = [
    "Actor",
    "ActorCallContext",
    "Asset",
    "AssetStore",
    "AssetWatch",
    "CriticalPath",
    "Diagnostic",
    "EventStream",
    "Failure",
    "Flow",
    "Graph",
    "GraphChanges",
    "GraphDiff",
    "GraphJournal",
    "Image",
    "Listener",
    "Mesh",
    "Message",
    "Network",
    "PortValue",
    "ReflowError",
    "Replay",
    "RunDetails",
    "RunResult",
    "Signal",
    "Store",
    "Stream",
    "StreamReader",
    "SubgraphBuilder",
    "TickBatch",
    "__version__",
    "actor",
    "compose_graphs",
    "exceptions",
    "inspect_pack",
    "list_packs",
    "load_openapi",
    "load_pack",
    "node",
    "pack_abi_version",
    "template_actor",
    "template_info",
    "template_list",
    "unload_service",
    "wire",
]

#: Where names come from.
_NAMES = {
    "_actor": "Actor",
    "_functions": "actor",
    "_native": "ActorCallContext GraphChanges GraphJournal Message Stream StreamReader TickBatch "
    "template_actor template_info template_list",
    "_values": "PortValue Signal",
    "assets": "Asset AssetStore AssetWatch",
    "diagnostic": "Diagnostic",
    "exceptions": "ReflowError",
    "flow": "Flow node wire",
    "graph": "CriticalPath Graph GraphDiff SubgraphBuilder compose_graphs",
    "network": "EventStream Listener Network",
    "openapi": "load_openapi unload_service",
    "packs": "inspect_pack list_packs load_pack pack_abi_version",
    "pictures": "Image Mesh",
    "replay": "Replay",
    "result": "Failure RunResult",
    "store": "RunDetails Store",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """Load what is asked for."""
    module = _MODULES.get(name, name)
    if module not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name, obj=sys.modules[__name__])
    from importlib import import_module

    loaded = import_module(f".{module}", __name__)
    value = loaded if module == name else getattr(loaded, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Name everything, loaded or not."""
    return sorted({*globals(), *__all__})
