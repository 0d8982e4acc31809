"""A Rust-backed actor runtime: programs as graphs of steps with data flowing through them."""

from __future__ import annotations

from . import exceptions
from ._functions import actor
from ._native import (
    ActorCallContext,
    GraphChanges,
    GraphJournal,
    Message,
    Stream,
    StreamReader,
    TickBatch,
    __version__,
    template_actor,
    template_info,
    template_list,
)
from ._values import PortValue, Signal
from .actor import Actor
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
