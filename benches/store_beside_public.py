"""Writes of components to a database through a network, here and with the public package 0.2.9, each in its own interpreter.

    python benches/store_beside_public.py [WRITES]

Counted is the time from the start until the last write has been answered, and what a shutdown takes after it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time

from environments import Environments

PUBLIC = "0.2.9"


def measure(writes: int) -> dict[str, float]:
    """Write one component to each of so many entities, with what both packages have."""
    import offbit_reflow as reflow

    done = threading.Event()

    class Names(reflow.Actor):
        component = "names"
        inports = ["in"]
        outports = ["name"]

        def run(self, ctx):
            for number in range(writes):
                ctx.send({"name": reflow.Message.string(f"entity{number}")})
            ctx.done()

    class Count(reflow.Actor):
        component = "count"
        inports = ["in"]
        outports: list[str] = []
        seen = 0

        def run(self, ctx):
            self.seen += 1
            if self.seen == writes:
                done.set()
            ctx.done()

    with tempfile.TemporaryDirectory() as folder:
        net = reflow.Network()
        net.register_actor("names", Names())
        net.register_actor("count", Count())
        net.register_actor("component", reflow.template_actor("tpl_component"))
        net.add_node("names", "names")
        config = {"$name": "transform", "$db": f"{folder}/db", "position": [1, 2, 3], "scale": [1, 1, 1]}
        net.add_node("write", "component", config)
        net.add_node("count", "count")
        net.add_connection("names", "name", "write", "entity")
        net.add_connection("write", "metadata", "count", "in")
        net.add_initial("names", "in", {"type": "Flow"})
        start = time.perf_counter()
        net.start()
        if not done.wait(300):
            raise TimeoutError("not all writes were answered")
        answered = time.perf_counter()
        net.shutdown()
        ended = time.perf_counter()
        with open(f"{folder}/db/manifest.json", encoding="utf-8") as manifest:
            saved = len(json.load(manifest))
    return {"seconds": answered - start, "shutdown": ended - answered, "saved": saved}


def main() -> None:
    """Measure both, or one of them when asked to."""
    writes = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    if "--here" in sys.argv:
        print(json.dumps(measure(writes)))
        return
    environments = Environments()
    seconds = {}
    for peer in ("reflow", PUBLIC):
        python = environments.python(peer)
        command = [python, __file__, str(writes), "--here"]
        output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout
        found = json.loads(output.strip().splitlines()[-1])
        seconds[peer] = found["seconds"] + found["shutdown"]
        print(
            f"{peer:8}{writes} writes {found['seconds']:8.3f} s, shutdown {found['shutdown']:6.3f} s, {found['saved']} saved"
        )
    print(f"{seconds[PUBLIC] / seconds['reflow']:.1f} times as fast")


if __name__ == "__main__":
    main()
