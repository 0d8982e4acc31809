"""Loading the first-party packs, and running one of their nodes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from offbit_reflow import Actor, Message, Network, Stream, list_packs, load_pack

#: Where `make packs` puts them.
PACKS = Path(os.environ.get("REFLOW_TEST_PACKS", Path(__file__).parents[2] / "build" / "packs"))


def need(pack: str) -> None:
    """Load a pack, or skip the module when it was not built."""
    if any(loaded["name"] == pack for loaded in list_packs()):
        return
    library = "reflow_" + pack.removeprefix("reflow.").replace(".", "_")
    stem = library.replace("_", "-")
    found = [
        path
        for pattern in (f"{pack}-*.rflpack", f"{stem}-*.rflpack", f"lib{library}.so")
        for path in PACKS.glob(pattern)
    ]
    if not found:
        pytest.skip(f"{pack} was not built: make packs", allow_module_level=True)
    load_pack(max(found, key=lambda path: path.stat().st_mtime))


def frames(
    data: Iterable[bytes],
    metadata: Mapping[str, Any] | None,
    *,
    content_type: str | None = None,
    error: str | None = None,
) -> type[Actor]:
    """Make a source class that sends one stream of these frames by ``stream``; it waits for its reader."""

    class Frames(Actor):
        outports = ["stream"]

        async def run(self, ctx):
            stream = Stream.create(4, "feed_stream", "stream", content_type)
            await ctx.send_async({"stream": stream.into_message()})
            try:
                if metadata is not None:
                    await stream.send_begin_async(content_type, None, dict(metadata))
                for frame in data:
                    await stream.send_bytes_async(frame)
                if error is not None:
                    stream.error(error)
                else:
                    stream.end()
            except RuntimeError:
                pass  # the reader has seen enough
            ctx.finish()
            ctx.done()

    return Frames


class Outputs(dict[str, list[Any]]):
    """What left a node, by port. Streams are read to their end."""

    def one(self, port: str) -> Any:
        """Give what left a port once."""
        assert self.get("error", []) == [] or port == "error", self["error"]
        assert len(self[port]) == 1, self
        return self[port][0]


def reading(outputs: Outputs, port: str) -> type[Actor]:
    """Make an actor class that keeps what arrives."""

    class Reading(Actor):
        inports = ["in"]
        outports = []

        async def run(self, ctx):
            message = ctx.message("in")
            if message.kind == "StreamHandle":
                outputs[port].append([frame async for frame in message.take_stream()])
            elif message.kind == "Error":
                outputs[port].append(str(ctx["in"]))
            else:
                outputs[port].append(ctx["in"])
            ctx.done()

    return Reading


def run_node(
    template: str,
    config: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    *,
    listen: Iterable[str],
    timeout: float = 60,
    build: Callable[[Network], None] | None = None,
) -> Outputs:
    """Run one node. Inputs are values, or actor classes whose outport of the same name feeds the inport."""
    outputs = Outputs({port: [] for port in listen})
    with Network() as net:
        net.add_node("node", template, config=dict(config or {}))
        for port in outputs:
            net.register_actor(f"read_{port}", reading(outputs, port))
            net.add_node(f"read_{port}", f"read_{port}")
            net.add_connection("node", port, f"read_{port}", "in")
        for port, value in (inputs or {}).items():
            if isinstance(value, type):
                net.register_actor(f"feed_{port}", value)
                net.add_node(f"feed_{port}", f"feed_{port}")
                net.add_connection(f"feed_{port}", value.outports[0], "node", port)
                continue
            for item in value if isinstance(value, list) else [value]:
                net.add_initial("node", port, item)
        if build is not None:
            build(net)
        result = net.run(timeout=timeout)
        assert result.ok, result
    return outputs


__all__ = ["Message", "Outputs", "frames", "need", "run_node"]
