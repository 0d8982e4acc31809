"""Writes of components to a database through a network, here and with the public package 0.2.9, each in its own interpreter.

    python benches/store_beside_public.py [WRITES]

Counted is the time from the start until the last write has been answered, and how long it takes then until all is in the
manifest.
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
        """Send the next name when the last write was answered."""

        component = "names"
        inports = ["in"]
        outports = ["name"]
        sent = 0

        def run(self, ctx):
            if self.sent == writes:
                done.set()
                ctx.done()
                return
            name = reflow.Message.string(f"entity{self.sent}")
            self.sent += 1
            ctx.done({"name": name})

    with tempfile.TemporaryDirectory() as folder:
        net = reflow.Network()
        net.register_actor("names", Names())
        net.register_actor("component", reflow.template_actor("tpl_component"))
        net.add_node("names", "names")
        config = {"$name": "transform", "$db": f"{folder}/db", "position": [1, 2, 3], "scale": [1, 1, 1]}
        net.add_node("write", "component", config)
        net.add_connection("names", "name", "write", "entity")
        net.add_connection("write", "metadata", "names", "in")
        net.add_initial("names", "in", {"type": "Flow"})
        start = time.perf_counter()
        net.start()
        if not done.wait(300):
            raise TimeoutError("not all writes were answered")
        answered = time.perf_counter()
        net.shutdown()
        # What is in the journal is not lost; the manifest has it soon.
        for _ in range(1000):
            with open(f"{folder}/db/manifest.json", encoding="utf-8") as manifest:
                saved = len(json.load(manifest))
            if saved == writes:
                break
            time.sleep(0.01)
        ended = time.perf_counter()
    return {"seconds": answered - start, "saving": ended - answered, "saved": saved}


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
        seconds[peer] = found["seconds"] + found["saving"]
        print(
            f"{peer:8}{writes} writes {found['seconds']:8.3f} s, saving {found['saving']:6.3f} s, {found['saved']} saved"
        )
    print(f"{seconds[PUBLIC] / seconds['reflow']:.1f} times as fast")


if __name__ == "__main__":
    main()
