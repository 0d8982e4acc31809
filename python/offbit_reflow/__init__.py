"""A Rust-backed actor runtime: programs as graphs of steps with data flowing through them."""

from __future__ import annotations

from . import exceptions
from ._native import ActorCallContext, Message, Stream, StreamReader, TickBatch, __version__
from ._values import PortValue, Signal
from .actor import Actor, actor
from .exceptions import ReflowError
from .network import EventStream, Listener, Network
from .result import Failure, RunResult

__all__ = [
    "Actor",
    "ActorCallContext",
    "EventStream",
    "Failure",
    "Listener",
    "Message",
    "Network",
    "PortValue",
    "ReflowError",
    "RunResult",
    "Signal",
    "Stream",
    "StreamReader",
    "TickBatch",
    "__version__",
    "actor",
    "exceptions",
]
