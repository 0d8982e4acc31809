"""A picture of a network that is redrawn while it runs, for notebooks; `Network.live` makes it.

The page is told the counters of the nodes a few times a second, never single events, so a fast network costs it no more than a
slow one. Packets are looked at for a moment now and then.
"""

from __future__ import annotations

import json
import threading
import weakref
from pathlib import Path
from time import monotonic, time
from typing import TYPE_CHECKING, Any

from ._printable import printable
from .exceptions import NetworkError, ReflowError

if TYPE_CHECKING:
    from ._seeing import Seeing

#: Time between two looks at the counters, in seconds.
INTERVAL = 0.25
#: Every so many looks, packets are looked at for so long, in seconds.
SAMPLE_EVERY, SAMPLE_FOR = 4, 0.02
#: Packets that are kept of a node, and letters of one.
SAMPLES, LONGEST = 5, 200
#: Networks of more nodes are drawn anew at each look, as an overview.
MOST_NODES = 200


def live(network: Seeing) -> Any:
    """Make the live picture of a network; where anywidget is not installed, a static one.

    See `Network.live`.
    """
    try:
        widget_class = _widget_class()
    except ModuleNotFoundError:
        return StaticPicture(network)
    widget = widget_class()
    watcher = Watcher(network)
    watcher.first(widget)
    widget.reflow_network = weakref.ref(network)
    thread = threading.Thread(target=_follow, args=(weakref.ref(widget), watcher), name="reflow-live", daemon=True)
    thread.start()
    return widget


class StaticPicture:
    """A network as it is at the moment when it is shown, where there is no widget.

    Examples
    --------
    >>> from offbit_reflow import Network
    >>> from offbit_reflow.live import StaticPicture
    >>> sorted(StaticPicture(Network())._repr_mimebundle_())
    ['image/svg+xml', 'text/plain']
    """

    def __init__(self, network: Seeing) -> None:
        self._network = network

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return self._network._repr_mimebundle_()


def _widget_class() -> Any:
    import anywidget
    import traitlets

    global _known_class
    if _known_class is None:
        folder = Path(__file__).parent

        class LiveNetwork(anywidget.AnyWidget):
            """The live picture of a network."""

            _esm = (folder / "live.js").read_text(encoding="utf-8")
            _css = (folder / "live.css").read_text(encoding="utf-8")
            svg = traitlets.Unicode("").tag(sync=True)
            redraws = traitlets.Bool(default_value=False).tag(sync=True)
            nodes = traitlets.Dict().tag(sync=True)
            live = traitlets.Dict().tag(sync=True)
            notes = traitlets.Dict().tag(sync=True)

            def _repr_mimebundle_(self, **options: Any) -> Any:
                bundle = super()._repr_mimebundle_(**options)
                # What does not know widgets shows the picture as it is now.
                data = bundle[0] if isinstance(bundle, tuple) else bundle
                network = self.reflow_network()
                if data is not None and network is not None:
                    data |= {"image/svg+xml": network.to_svg(), "text/plain": network.to_text()}
                return bundle

        _known_class = LiveNetwork
    return _known_class


_known_class: Any = None


class Watcher:
    """What is told to the page about a network."""

    def __init__(self, network: Seeing) -> None:
        self._network = weakref.ref(network)
        self._seen: dict[str, tuple[float, float, float, float]] = {}
        self._at = self._since = monotonic()
        self._began = False
        self._looks = 0
        self._failures: dict[str, int] = {}
        self._notes: dict[str, dict[str, Any]] = {}
        self._events = network.events(types=["ActorFailed"], capacity=256)
        self.is_large = len(network._nodes()) > MOST_NODES

    def first(self, widget: Any) -> None:
        """Tell what does not change."""
        network = self._network()
        assert network is not None
        export = network.to_graph().to_json()
        nodes = {
            node: {"component": process["component"], "config": _config(process.get("metadata"))}
            for node, process in export["processes"].items()
        }
        widget.nodes = nodes if not self.is_large else {}
        widget.redraws = self.is_large
        widget.svg = network.to_svg() if self.is_large else network._to_live_svg()
        self.look(widget)

    def look(self, widget: Any) -> bool:
        """Tell how the network is; False when it is gone."""
        network = self._network()
        if network is None:
            return False
        try:
            run = network._run
            stats, state = run.stats(), run.report()["state"]
        except NetworkError:
            return True
        now = monotonic()
        if not self._began or (
            network.is_running and any(row["ticks"] < self._ticks(node) for node, row in stats.items())
        ):
            self._began, self._since, self._seen = True, now, {}
        stats = _drawn(stats, set(network._nodes()))
        elapsed = max(1e-6, now - self._at)
        rows, rate = {}, 0.0
        for node, row in stats.items():
            counters = (row["ticks"], row["packets_out"], row["busy_s"], row["blocked_s"])
            before = self._seen.get(node, counters)
            ticks, out, busy, blocked = ((new - old) / elapsed for new, old in zip(counters, before, strict=True))
            self._seen[node] = counters
            rate += out
            rows[node] = {
                "state": row["state"],
                "ticks": row["ticks"],
                "packets_in": row["packets_in"],
                "packets_out": row["packets_out"],
                "rate": round(ticks, 1),
                "busy": round(min(busy, 9.99), 3),
                "blocked": round(min(blocked, 9.99), 3),
                "fill": round(row["queue_fill"], 3),
                "queued": row["queued"],
                "failures": row["failures"],
            }
        self._at = now
        if network.is_running:
            self._seconds = now - self._since
        telling = {
            "state": state,
            "seconds": round(getattr(self, "_seconds", 0.0), 1),
            "rate": round(rate, 1),
            "packets": sum(row["packets_out"] for row in rows.values()),
            "failures": sum(row["failures"] for row in rows.values()),
        }
        if self.is_large:
            widget.svg = network.to_svg()
        else:
            telling["nodes"] = rows
        if telling != {**widget.live, "seconds": telling["seconds"]} or network.is_running:
            widget.live = telling
        self._looks += 1
        self._note(widget, network)
        return True

    def _ticks(self, node: str) -> float:
        return self._seen.get(node, (0.0, 0.0, 0.0, 0.0))[0]

    def _note(self, widget: Any, network: Seeing) -> None:
        """Tell the last failure of each node, and a sample of its packets."""
        changed = False
        while (event := self._next(self._events)) is not None:
            error = printable(str(event.get("error") or ""))[:LONGEST]
            self._notes.setdefault(self._shown(event["actorId"]), {})["failure"] = [
                error,
                _where(event.get("traceback")),
            ]
            changed = True
        if not self.is_large and network.is_running and self._looks % SAMPLE_EVERY == 1:
            changed = self._sample(network) or changed
        if changed:
            widget.notes = {node: dict(notes) for node, notes in self._notes.items()}

    def _shown(self, path: str) -> str:
        """Give the node that is drawn for one that may be inside of a subgraph."""
        network = self._network()
        nodes = set(network._nodes()) if network is not None else set()
        while path not in nodes and "/" in path:
            path = path.rpartition("/")[0]
        return path

    @staticmethod
    def _next(events: Any) -> dict[str, Any] | None:
        try:
            event: dict[str, Any] | None = events.recv(timeout_ms=1)
        except ReflowError:
            return None
        return event

    def _sample(self, network: Seeing) -> bool:
        since = time() * 1000
        samples = network.events(types=["MessageSent", "MessageReceived"], capacity=64)
        threading.Event().wait(SAMPLE_FOR)
        found: dict[str, list[tuple[str, str]]] = {}
        until = monotonic() + SAMPLE_FOR
        while monotonic() < until and (event := self._next(samples)) is not None:
            if event["timestamp"] < since:
                continue  # how the run began
            text = _shortened(event["message"]) if "message" in event else ""
            for node, port, arrow in (
                ("fromActor", "fromPort", "{} →"),
                ("toActor", "toPort", "→ {}"),
                ("actorId", "port", "→ {}"),
            ):
                if node in event:
                    found.setdefault(self._shown(event[node]), []).append((arrow.format(event.get(port, "")), text))
        for node, packets in found.items():
            self._notes.setdefault(node, {})["samples"] = packets[-SAMPLES:]
        return bool(found)


def _drawn(stats: dict[str, dict[str, Any]], nodes: set[str]) -> dict[str, dict[str, Any]]:
    """Sum up what is inside of subgraphs, which are drawn as one node."""
    if stats.keys() <= nodes:
        return stats
    found: dict[str, dict[str, Any]] = {}
    for path, row in stats.items():
        node = path
        while node not in nodes and "/" in node:
            node = node.rpartition("/")[0]
        known = found.get(node)
        if known is None:
            found[node] = dict(row)
            continue
        for key in ("ticks", "packets_in", "packets_out", "busy_s", "blocked_s", "failures", "queued"):
            known[key] += row[key]
        known["queue_fill"] = max(known["queue_fill"], row["queue_fill"])
        known["state"] = min(
            known["state"], row["state"], key=lambda state: _WEIGHT.index(state) if state in _WEIGHT else 0
        )
    return found


#: Of which the first that is there is the state of several nodes together.
_WEIGHT = ("failed", "running", "backing_off", "waiting", "cancelled", "finished", "skipped")


def _shortened(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    except (TypeError, ValueError):
        text = repr(value)
    text = printable(text)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _where(traceback: str | None) -> str:
    """Give the lines of a traceback that are the user's."""
    lines = [line for line in (traceback or "").split("\n")[1:-2] if set(line.strip()) - set("^~ ")]
    package = f'File "{Path(__file__).parent}'
    kept: list[str] = []
    own = True
    for line in lines:
        if line.strip().startswith("File "):
            own = package not in line
        if own:
            kept.append(line)
    return printable("\n".join(kept))[-2000:] if kept else ""


def _config(metadata: Any) -> str:
    if not metadata:
        return ""
    text = json.dumps(metadata, indent=1, ensure_ascii=False, default=repr)
    return text if len(text) <= 2000 else text[:1999] + "…"


def _follow(widget: weakref.ref[Any], watcher: Watcher) -> None:
    """Look again and again, until the picture or the network is gone."""
    pause = threading.Event()
    while True:
        pause.wait(INTERVAL)
        shown = widget()
        if shown is None or getattr(shown, "comm", None) is None:
            return  # closed
        try:
            if not watcher.look(shown):
                return
        except Exception:  # the page is gone; there is nobody to tell
            return
        del shown
