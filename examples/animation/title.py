"""Motion design: tweens and a timeline on entities in a store."""

from __future__ import annotations

import sys

from film import Canvas, Film

from offbit_reflow import AssetStore, Network, template_actor

STORE = ":memory:title"
COLORS = [(244, 96, 54), (46, 134, 171), (252, 213, 129), (120, 190, 90), (200, 120, 220)]


def scene() -> AssetStore:
    """Fill the store: five bars that come in one after another, and a line that a timeline moves."""
    store = AssetStore(STORE)
    for entity in store.entities_with("bar"):
        store.destroy(entity)
    for index, color in enumerate(COLORS):
        store.put(f"bar{index}:bar", {"left": 30 + 38 * index, "height": 0, "color": list(color)})
        tween = {"target": f"bar{index}:bar.height", "from": 0, "to": 60 + 22 * index, "duration": 0.9}
        store.put(f"bar{index}:tween", {**tween, "delay": 0.15 * index, "easing": "backOut"})
    store.put("line:bar", {"left": 30, "width": 0})
    keys = [{"time": 0, "value": 0, "easing": "easeInOutCubic"}, {"time": 1.2, "value": 182}]
    track = {"target": "line:bar.width", "delay": 0.6, "keyframes": keys}
    store.put("line:timeline", {"duration": 2.0, "playback": "playing", "tracks": [track]})
    return store


def film(frames: int = 50) -> Film:
    """Make the film."""
    store = scene()
    net = Network()
    for name in ("tween", "timeline"):
        net.register_actor(name, template_actor(f"tpl_{name}_system"))
        net.add_node(name, name, {"$db": STORE, "dt": 1 / 20})
        net.add_inport(name, name, "tick")
    canvases = []
    net.start()
    try:
        for _ in range(frames):
            net.send("tween", "tick", None)
            net.send("timeline", "tick", None)
            net.wait()
            canvases.append(draw(store))
    finally:
        net.shutdown()
    return Film(canvases)


def draw(store: AssetStore, width: int = 250, height: int = 220) -> Canvas:
    """Draw the bars as they are now."""
    canvas = Canvas(width, height)
    for index in range(len(COLORS)):
        bar = store[f"bar{index}:bar"]
        canvas.box(bar["left"], height - 40 - bar["height"], bar["left"] + 30, height - 40, tuple(bar["color"]))
    line = store["line:bar"]
    canvas.box(line["left"], height - 30, line["left"] + line["width"], height - 26, (230, 230, 235))
    return canvas


if __name__ == "__main__":
    film().save(sys.argv[1] if len(sys.argv) > 1 else "title.png")
