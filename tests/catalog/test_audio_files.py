"""Sound files of every format that is read: a tenth of a second of 440 Hz at half volume, in two channels."""

import array
import math
from pathlib import Path

import pytest

from offbit_reflow import Actor, Network, template_actor

SOUNDS = Path(__file__).parent / "sounds"
RATE = 48_000


class Samples(Actor):
    inports = ["stream"]
    outports = ["facts", "left"]

    def run(self, ctx):
        facts, data = None, bytearray()
        for frame in ctx.message("stream").take_stream():
            if frame["kind"] == "begin":
                facts = frame["metadata"]
            elif frame["kind"] == "data":
                data += frame["data"]
        ctx.done({"facts": facts, "left": list(array.array("f", bytes(data))[::2])})


@pytest.mark.parametrize("file", ["tone.flac", "tone.ogg", "tone.mp3"])
def test_a_tone_is_decoded(file):
    net = Network()
    net.register_actor("samples", Samples)
    net.register_actor("tpl_audio_input", template_actor("tpl_audio_input"))
    net.add_node("file", "tpl_audio_input", {"load": "pcm"})
    net.add_node("samples", "samples")
    net.add_connection("file", "stream", "samples", "stream")
    net.add_outport("facts", "samples", "facts")
    net.add_outport("left", "samples", "left")
    net.add_initial("file", "source", {"type": "String", "data": str(SOUNDS / file)})
    result = net.run(timeout=20)
    [facts], [left] = result.outputs["facts"], result.outputs["left"]
    assert (facts["channels"], facts["sampleRate"], len(left)) == (2, RATE, RATE // 10)
    # Coders blur the ends; in between it is the tone, in whatever phase.
    middle = range(1_000, 3_000)
    turns = [2 * math.pi * 440 * at / RATE for at in middle]
    sine = sum(left[at] * math.sin(turn) for at, turn in zip(middle, turns, strict=True))
    cosine = sum(left[at] * math.cos(turn) for at, turn in zip(middle, turns, strict=True))
    assert 2 * math.hypot(sine, cosine) / len(middle) == pytest.approx(0.5, abs=0.02)
