"""A chime that is equalised, compressed and measured while it streams, with its spectrum before and after."""

from __future__ import annotations

import array
import base64
import io
import math
import sys
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offbit_reflow import Actor, ActorCallContext, Image, Network

FILE = Path(__file__).parent / "data" / "complete.oga"

NODES: dict[str, tuple[str, dict[str, Any]]] = {
    "file": ("tpl_audio_input", {"load": "pcm", "acceptedFormats": "audio/ogg"}),
    "split": ("tpl_stream_tee", {}),
    "clean": ("tpl_dc_offset", {"cutoffHz": 20}),
    "tone": (
        "tpl_equalizer",
        {
            "bands": [
                {"type": "lowshelf", "frequency": 250, "gain": 9},
                {"type": "highshelf", "frequency": 3000, "gain": -18},
            ]
        },
    ),
    "press": ("tpl_compressor", {"thresholdDb": -30, "ratio": 4, "makeupDb": 9}),
    "guard": ("tpl_limiter", {"ceilingDb": -1, "lookaheadMs": 2}),
    "meter": ("tpl_silence_detect", {"thresholdDb": -50, "minDurationMs": 50}),
    "result": ("tpl_stream_tee", {}),
    "before": ("tpl_audio_spectrum", {"fftSize": 1024, "hopSize": 512}),
    "after": ("tpl_audio_spectrum", {"fftSize": 1024, "hopSize": 512}),
    "bins_before": ("read", {}),
    "bins_after": ("read", {}),
    "samples": ("read", {}),
}

CONNECTIONS = [
    *[("file", "split"), ("clean", "tone"), ("tone", "press"), ("press", "guard"), ("guard", "meter")],
    *[("meter", "result"), ("before", "bins_before"), ("after", "bins_after")],
]


class Read(Actor):
    """Read a stream to its end."""

    inports = ["stream"]
    outports = ["facts", "frames"]

    def run(self, ctx: ActorCallContext) -> None:
        """Take what is said of the stream, and its frames."""
        facts: dict[str, Any] = {}
        frames: list[bytes] = []
        for frame in ctx.message("stream").take_stream():
            if frame["kind"] == "begin":
                facts = frame["metadata"]
            elif frame["kind"] == "data":
                frames.append(bytes(frame["data"]))
        ctx.done({"facts": facts, "frames": frames})


@dataclass
class Sound:
    """Samples of one or more channels. A notebook shows a player."""

    samples: array.array[float]
    channels: int
    rate: int

    def to_wav(self) -> bytes:
        """Give a WAV file of 16 bits a sample."""
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setparams((self.channels, 2, self.rate, 0, "NONE", ""))
            out.writeframes(array.array("h", (round(32767 * max(-1, min(s, 1))) for s in self.samples)).tobytes())
        return file.getvalue()

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.to_wav()).decode()
        return f'<audio controls src="data:audio/wav;base64,{data}"></audio>'


@dataclass
class Listening:
    """What came out."""

    sound: Sound
    before: Image
    after: Image
    events: list[dict[str, Any]]


def listen(path: Path = FILE) -> Listening:
    """Let a sound file go through the components."""
    net = Network()
    net.register_actor("read", Read)
    for node, (component, config) in NODES.items():
        net.add_node(node, component, config)
    for source, target in CONNECTIONS:
        net.add_connection(source, "stream", target, "stream")
    for source, low, high in [("split", "before", "clean"), ("result", "after", "samples")]:
        net.add_connection(source, "stream_a", low, "stream")
        net.add_connection(source, "stream_b", high, "stream")
    net.add_outport("events", "meter", "events")
    for node in ("samples", "bins_before", "bins_after"):
        net.add_outport(f"{node}_facts", node, "facts")
        net.add_outport(f"{node}_frames", node, "frames")
    net.add_inport("path", "file", "source")
    outputs = net.run({"path": str(path)}, timeout=60).outputs
    [facts], [frames] = outputs["samples_facts"], outputs["samples_frames"]
    sound = Sound(array.array("f", b"".join(frames)), facts["channels"], facts["sampleRate"])
    before, after = (spectrogram(outputs[f"bins_{name}_frames"][0]) for name in ("before", "after"))
    return Listening(sound, before, after, outputs["events"])


def spectrogram(frames: list[bytes], height: int = 192, zoom: int = 3) -> Image:
    """Draw spectra side by side: low tones at the bottom, from dark (below -70 dB) to light."""
    columns = []
    for frame in frames:
        bins = array.array("f", frame)
        columns.append([max(20 * math.log10(max(bins[at], 1e-6) / 100) + 70, 0) / 70 for at in range(height)])
    rows = bytearray()
    for at in reversed(range(height)):
        for column in columns:
            level = min(column[at], 1)
            rows += (
                bytes([round(255 * level), round(255 * level**2), round(160 * level * (1 - level) + 40), 255]) * zoom
            )
    return Image(bytes(rows), len(columns) * zoom)


if __name__ == "__main__":
    heard = listen()
    sound_file, spectrum_file = (Path(name) for name in sys.argv[1:3] or ("sound.wav", "spectrum.png"))
    sound_file.write_bytes(heard.sound.to_wav())
    heard.after.save(spectrum_file)
    print(*heard.events, sep="\n")
