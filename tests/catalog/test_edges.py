"""Components at the edge of what they take: loud, flat and malformed values, and outports that only the caller listens to."""

import struct
from array import array

import pytest

from offbit_reflow import AssetStore, Message, Network, Stream

pytestmark = pytest.mark.timeout(60)


def run(component, config, packets, outports):
    """Send packets one after another; give what leaves by the outports, and the failures."""
    net = Network()
    net.add_node("node", component, config)
    for port in outports:
        net.add_outport(port, "node", port)
    net.start(collect=True)
    for port, value in packets:
        net.send("node", port, value)
    net.close_inputs()
    return net.wait(timeout=30)


def sound(*frames, rate=1000):
    stream = Stream.create(content_type="audio/raw-pcm-f32")
    stream.send_begin(content_type="audio/raw-pcm-f32", metadata={"sampleRate": rate})
    for frame in frames:
        stream.send_bytes(array("f", frame))
    stream.end()
    return stream.into_message()


def pixels(data, **metadata):
    stream = Stream.create(content_type="image/raw-rgba")
    stream.send_begin(content_type="image/raw-rgba", metadata=metadata)
    stream.send_bytes(data)
    stream.end()
    return stream.into_message()


# ---- who listens ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("component", "outport", "count"),
    [("tpl_silence_detect", "events", 3), ("tpl_peak_detect", "events", 2), ("tpl_audio_spectrum", "stats", 1)],
)
def test_a_stream_is_read_for_an_outport_of_the_network_alone(component, outport, count):
    config = {"minDurationMs": 1} if component == "tpl_silence_detect" else {}
    out = run(component, config, [("stream", sound([0.0] * 4096, [1.0] * 100))], [outport])
    assert len(out.outputs[outport]) == count


def test_a_stream_is_read_for_a_listener_alone():
    net = Network()
    net.add_node("node", "tpl_silence_detect", {"minDurationMs": 1})
    net.start()
    with net.listen("node", "events") as events:
        net.send("node", "stream", sound([0.0] * 4096, [1.0] * 100))
        told = [next(events)["event"] for _ in range(3)]
    net.shutdown()
    assert told == ["silence.start", "silence.end", "silence.summary"]


def test_a_display_gives_its_file_to_an_outport_of_the_network():
    picture = pixels(bytes(16), width=2, height=2)
    assert run("tpl_image_stream_display", {}, [("stream", picture)], ["image"]).outputs["image"][0][:4] == b"\x89PNG"
    heard = run("tpl_audio_stream_display", {}, [("stream", sound([0.5]))], ["audio"]).outputs["audio"]
    assert heard[0][:4] == b"RIFF"


# ---- sound and pictures --------------------------------------------------------------------------------------------------


def test_a_peak_is_as_loud_as_it_has_to_be():
    config = {"windowMs": 0, "minIntervalMs": 0, "sensitivity": 1}
    told = run("tpl_peak_detect", config, [("stream", sound([0, 0.5, 0, 1]))], ["events"]).outputs["events"]
    assert [event.get("sampleOffset") for event in told] == [1, 3, None]


def test_pixels_of_many_channels_are_rgba():
    out = run("tpl_image_encode", {}, [("stream", pixels(bytes(24), width=3, height=2, channels=7))], ["metadata"])
    assert (out.outputs["metadata"][0]["width"], out.outputs["metadata"][0]["height"]) == (3, 2)
    none = run("tpl_image_encode", {}, [("stream", pixels(bytes(24), width=3, height=2, channels=0))], ["error"])
    assert none.outputs["error"] == ["Encode error: pixels of 0 channels"]


@pytest.mark.parametrize("mode", ["aces", "reinhard", "uncharted2", "clamp"])
def test_blinding_light_is_white(mode):
    out = run("tpl_tone_map", {"mode": mode, "exposure": 1e300}, [("input", bytes([1, 128, 0, 255]))], ["output"])
    assert out.outputs["output"] == [bytes([255, 255, 0, 255])]


# ---- animation and scenes ------------------------------------------------------------------------------------------------


def pose(x):
    return struct.pack("<16f", 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, x, 0, 0, 1)


def test_an_event_without_its_state_holds_no_pose_back():
    config = {"states": {"idle": {"input": 0}, "run": {"input": 1}}, "transitions": {"idle->run": {"duration": 0.5}}}
    packets = [
        ("input_0", pose(0)),
        ("input_1", pose(8)),
        ("event", "run"),
        ("dt", 0.125),
        ("event", "fly"),
        ("dt", 0.125),
    ]
    out = run("tpl_animation_fsm", config, packets, ["bone_transforms", "state", "error"])
    assert [struct.unpack("<16f", shown)[12] for shown in out.outputs["bone_transforms"]] == [2, 4]
    assert out.outputs["state"] == ["run", "run"]
    assert out.outputs["error"] == ["there is no state `fly`"]


def test_an_event_has_a_text_for_a_name_and_a_number_for_a_time():
    out = run("tpl_animation_event", {"events": [{"time": "soon", "name": 7}]}, [("time", 0)], ["event"])
    assert out.outputs["event"] == [{"name": "", "time": 0, "data": None}]


@pytest.fixture
def database(tmp_path):
    def fill(**components):
        store = AssetStore(tmp_path / "assets")
        for name, value in components.items():
            store.put(name.replace("__", ":"), value)
        return store, str(tmp_path / "assets")

    return fill


@pytest.mark.parametrize("name", ["tween", "timeline", "state_machine", "behavior"])
def test_a_component_that_is_no_object_is_told(database, name):
    _, path = database(**{f"a__{name}": [1, 2]})
    out = run(f"tpl_{name}_system", {"$db": path}, [("tick", 1)], ["metadata"])
    assert out.outputs["metadata"][0]["problems"] == [f"a:{name} is no object"]


@pytest.mark.parametrize(
    ("camera", "aspect"), [({"fov": 0}, 1), ({"near": 1, "far": 1}, 1), ({}, 0)], ids=["angle", "planes", "aspect"]
)
def test_a_camera_without_a_picture_is_told_and_no_other_is_lost(database, camera, aspect):
    store, path = database(flat__camera=camera, main__camera={"active": True} if aspect else {"active": False})
    out = run("tpl_scene_camera", {"$db": path, "aspect": aspect}, [("tick", 1)], ["metadata", "active_camera"]).outputs
    assert out["metadata"][0]["problems"][0].startswith("flat:camera: ")
    assert out["metadata"][0]["activeCamera"] == ("main" if aspect else "")
    assert "flat:camera_matrices" not in store


def test_what_is_bound_to_nothing_is_not_bound(database):
    _, path = database(a__dom={"width": 1}, a__bind=False, b__dom={}, b__bind=True)
    out = run("tpl_layout_sync", {"$db": path}, [("tick", 1)], ["metadata", "bound_changes"]).outputs
    assert out["metadata"][0]["boundEntities"] == 1
    assert {change["entity"] for change in out["bound_changes"][0]} == {"b"}


def test_the_end_of_a_shower_is_told(database):
    store, path = database(sky__weather={"particleCount": 4, "intensity": 1})
    net = Network()
    net.add_node("node", "tpl_scene_weather", {"$db": path})
    net.start()
    with net.listen("node", "particle_data") as particles:
        net.send("node", "tick", Message.flow())
        assert len(next(particles)) == 4 * 16
        store.delete("sky:weather")
        net.send("node", "tick", Message.flow())
        assert next(particles) == b""
    net.shutdown()
