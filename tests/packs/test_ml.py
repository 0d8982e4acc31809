"""reflow.pack.ml: frames to tensors, models, detections and landmarks."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from offbit_reflow import Actor, AssetStore, Message, Network, media

from .support import Outputs, frames, need, reading, run_node

need("reflow.pack.ml")

ERROR = ["error"]
GRAPHS = Path(__file__).parents[2] / "packs" / "reflow-pack-ml" / "graphs"


def run(template, config=None, /, *, ports, **inputs):
    """Run one node on packets; what left it."""
    return run_node(template, config, inputs, listen=[*ports, "error"])


def tensor_of(outputs, port="tensor"):
    return media.read_tensor(outputs.one(port))


def frame(pixels, **options):
    return media.frame_packet(np.array(pixels, np.uint8), **options)


# Packets.


def test_packets_come_back():
    for dtype in (np.float32, np.float16, np.int32, np.int64, np.uint8, np.int8, np.bool_):
        array = np.arange(24).reshape(2, 3, 4).astype(dtype)
        found = media.read_tensor(media.tensor_packet(array, "a", {"sequence": 3}))
        assert found.array.dtype == dtype
        assert (found.array == array).all()
        assert (found.name, found.metadata) == ("a", {"sequence": 3})
    packet = media.tensor_packet(np.zeros((3, 0), np.float32))
    assert media.read_tensor(packet).array.shape == (3, 0)


def test_reading_copies_nothing():
    packet = media.tensor_packet(np.zeros(1000, np.float32))
    array = media.read_tensor(packet).array
    assert np.shares_memory(array, np.frombuffer(packet, np.uint8))
    assert (len(packet) - array.nbytes) % 64 == 0
    assert not array.flags.writeable


@pytest.mark.parametrize(
    "packet", [b"", b"\0\0\0", b"\xff\0\0\0{}", b"\2\0\0\0{}", media.frame_packet(np.zeros((1, 1, 3), np.uint8))]
)
def test_what_is_no_packet_is_refused(packet):
    with pytest.raises(ValueError, match="packet"):
        media.read_tensor(packet)
    assert len(run("tpl_cv_normalize_tensor", ports=["tensor"], tensor=packet)["error"]) == 1


FORMS = {
    "bytes": lambda payload, data: Message.bytes(
        media.tensor_packet(np.frombuffer(data, np.uint8).reshape(2), payload["name"])
    ),
    "object": lambda payload, data: Message.object({**payload, "data": list(data)}),
    "nested": lambda payload, data: Message.object(
        {"data": {**payload, "data": list(data)}, "metadata": {"sequence": 1}}
    ),
    "text": lambda payload, data: Message.string(json.dumps({**payload, "data": list(data)})),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_a_tensor_is_read(form):
    payload = {"name": "image", "dtype": "u8", "shape": {"dims": [2]}, "metadata": {}}
    message = FORMS[form](payload, bytes([0, 255]))
    outputs = run("tpl_cv_normalize_tensor", {"scale": 1 / 255, "channels": 1}, ports=["tensor"], tensor=message)
    found = tensor_of(outputs)
    assert found.array.tolist() == [0.0, 1.0]
    assert found.metadata["fields"]["normalized"] is True


# Frames and tensors.


def test_an_image_becomes_a_tensor():
    found = tensor_of(run("tpl_cv_image_to_tensor", ports=["tensor"], frame=frame([[[255, 128, 0, 255]]])))
    assert found.array.shape == (1, 1, 1, 3)
    assert found.array.dtype == np.float32
    np.testing.assert_allclose(found.array.ravel(), [1, 128 / 255, 0], atol=1e-6)
    assert found.name == "image"
    assert found.metadata["fields"] == {"layout": "nhwc", "sourceWidth": 1, "sourceHeight": 1}


def test_layouts_orders_and_types():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    packet = media.frame_packet(pixels, "bgra8")
    config = {"dtype": "u8", "layout": "NCHW"}
    found = tensor_of(run("tpl_cv_image_to_tensor", config, ports=["tensor"], frame=packet)).array
    assert (found == pixels[..., [2, 1, 0]].transpose(2, 0, 1)[None]).all()
    found = tensor_of(
        run("tpl_cv_image_to_tensor", {"dtype": "u8", "colorOrder": "bgr"}, ports=["tensor"], frame=packet)
    ).array
    assert (found == pixels[None, ..., :3]).all()
    found = tensor_of(run("tpl_cv_image_to_tensor", {"dtype": "f16"}, ports=["tensor"], frame=packet)).array
    assert found.dtype == np.float16
    found = tensor_of(run("tpl_cv_image_to_tensor", {"channels": 3}, ports=["tensor"], frame=frame([[7]]))).array
    np.testing.assert_allclose(found.ravel(), [7 / 255] * 3, rtol=1e-6)
    floats = media.frame_packet(np.full((1, 1, 3), 0.25, np.float32))
    found = tensor_of(run("tpl_cv_image_to_tensor", ports=["tensor"], frame=floats)).array
    assert found.ravel().tolist() == [0.25] * 3


def test_an_image_comes_as_a_stream():
    feed = frames([bytes([1, 2, 3, 4]), bytes([5, 6, 7, 8])], {"width": 2, "height": 1})
    outputs = run_node("tpl_cv_image_to_tensor", {"dtype": "u8"}, {"frame": feed}, listen=["tensor", "error"])
    found = tensor_of(outputs)
    assert found.array.ravel().tolist() == [1, 2, 3, 5, 6, 7]
    assert found.metadata["fields"]["streamMetadata"] == {"width": 2, "height": 1}


def test_a_letterbox():
    outputs = run(
        "tpl_cv_resize_letterbox", {"width": 4, "height": 4}, ports=["frame", "transform"], frame=frame([[10, 20]])
    )
    found = media.read_frame(outputs.one("frame"))
    assert found.array[..., 0].tolist() == [[0] * 4, [10, 10, 20, 20], [10, 10, 20, 20], [0] * 4]
    transform = outputs.one("transform")
    expected = {
        "scale": 2,
        "resizedWidth": 4,
        "resizedHeight": 2,
        "padX": 0,
        "padY": 1,
        "sourceWidth": 2,
        "sourceHeight": 1,
    }
    assert transform.items() >= expected.items()
    assert found.metadata["fields"]["letterbox"] == transform


@pytest.mark.parametrize("filter_name", ["nearest", "bilinear", "area"])
def test_filters_of_a_letterbox(filter_name):
    config = {"width": 2, "height": 2, "filter": filter_name}
    pixels = np.kron([[0, 200], [100, 50]], np.ones((2, 2))).astype(np.uint8)
    outputs = run("tpl_cv_resize_letterbox", config, ports=["frame", "transform"], frame=frame(pixels))
    assert media.read_frame(outputs.one("frame")).array[..., 0].tolist() == [[0, 200], [100, 50]]


def test_what_cannot_be_resized_is_told():
    short = Message.object({"width": 2, "height": 2, "format": "rgba8", "data": [1, 2, 3]})
    for config, packet in [({"width": 0}, frame([[1]])), ({}, short), ({}, b"nothing"), ({}, 5)]:
        outputs = run("tpl_cv_resize_letterbox", config, ports=["frame"], frame=packet)
        assert len(outputs["error"]) == 1
        assert outputs["frame"] == []


def test_a_crop():
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    roi = {"rect": {"centerX": 0.5, "centerY": 0.5, "width": 0.5, "height": 0.5}, "metadata": {"source": "roi"}}
    outputs = run("tpl_cv_tensor_crop_roi", ports=["frame"], frame=media.frame_packet(pixels), roi=roi)
    found = media.read_frame(outputs.one("frame"))
    assert (found.array == pixels[1:3, 1:3]).all()
    assert found.metadata["fields"]["cropRoi"] == {"x": 1, "y": 1, "width": 2, "height": 2}
    assert found.metadata["source"] == "roi"
    nowhere = {"rect": {"centerX": 3, "centerY": 0.5, "width": 0.5, "height": 0.5}}
    assert (
        "region"
        in run("tpl_cv_tensor_crop_roi", ports=["frame"], frame=media.frame_packet(pixels), roi=nowhere)["error"][0]
    )


def test_a_crop_that_is_turned():
    pixels = np.zeros((20, 20, 3), np.uint8)
    pixels[:10] = 200
    roi = {"rect": {"centerX": 0.5, "centerY": 0.5, "width": 0.5, "height": 0.5, "rotation": np.pi / 2}}
    outputs = run(
        "tpl_cv_tensor_crop_roi", {"rotate": True}, ports=["frame"], frame=media.frame_packet(pixels), roi=roi
    )
    found = media.read_frame(outputs.one("frame")).array
    # The x axis of the region goes down in the frame.
    assert found[5, 1, 0] == 200
    assert found[5, 8, 0] == 0


def test_a_region_around_the_best_detection():
    detections = {
        "detections": [{"bbox": [0, 0, 0.1, 0.1], "score": 0.4}, {"bbox": [0.4, 0.4, 0.2, 0.1], "score": 0.9}],
        "metadata": {},
    }
    roi = run("tpl_cv_detection_to_roi", ports=["roi"], detections=detections).one("roi")
    assert roi["rect"] == pytest.approx({"centerX": 0.5, "centerY": 0.45, "width": 0.36, "height": 0.36, "rotation": 0})
    assert roi["score"] == 0.9
    assert roi["metadata"]["fields"]["sourceDetection"]["score"] == 0.9
    empty = {"detections": [], "metadata": {}}
    assert run("tpl_cv_detection_to_roi", ports=["roi"], detections=empty).one("roi")["rect"]["width"] == 1
    outputs = run("tpl_cv_detection_to_roi", {"fallback_center": False}, ports=["roi"], detections=empty)
    assert len(outputs["error"]) == 1
    every = run("tpl_cv_detection_to_roi", {"all": True}, ports=["roi"], detections=detections)["roi"]
    assert [roi["score"] for roi in every] == [0.4, 0.9]


def test_landmarks_are_smoothed():
    sets = [{"landmarks": [{"x": x, "y": 0.5, "z": 1.0, "visibility": x}], "metadata": {}} for x in (0.0, 1.0, 1.0)]
    outputs = run_node("tpl_cv_temporal_smoother", {"alpha": 0.5}, {"landmarks": sets}, listen=["landmarks", "error"])
    assert [landmarks["landmarks"][0]["x"] for landmarks in outputs["landmarks"]] == [0.0, 0.5, 0.75]
    assert outputs["landmarks"][1]["landmarks"][0]["visibility"] == 1.0
    outputs = run_node(
        "tpl_cv_temporal_smoother", {"method": "one_euro"}, {"landmarks": sets}, listen=["landmarks", "error"]
    )
    xs = [landmarks["landmarks"][0]["x"] for landmarks in outputs["landmarks"]]
    assert 0 == xs[0] < xs[1] < xs[2] < 1


# Streams of frames.


def cut(data, begin, config=None, **options):
    feed = frames(data, begin, **options)
    return run_node(
        "tpl_cv_video_stream_to_frames", config, {"stream": feed}, listen=["frame", "metadata", "done", "error"]
    )


def test_a_stream_becomes_frames():
    outputs = cut([b"ABCDEFGH", b"IJKLMNOP"], {"width": 2, "height": 1, "fps": 25, "timestampMicros": 1000})
    found = [media.read_frame(packet) for packet in outputs["frame"]]
    assert [frame.metadata["timestamp"]["micros"] for frame in found] == [1000, 41000]
    assert [frame.metadata["sequence"] for frame in found] == [0, 1]
    assert found[1].array.tobytes() == b"IJKLMNOP"
    assert found[0].metadata["source"] == "video-stream"
    assert found[0].metadata["fields"]["frameIndex"] == 0
    attached, begun, *words = outputs["metadata"]
    assert attached["attached"] is True
    assert attached["source"] == "videoStreamToFrames"
    assert (attached["originActor"], attached["originPort"]) == ("feed_stream", "stream")
    assert isinstance(attached["streamId"], int)
    assert {word["streamId"] for word in [begun, *words]} == {attached["streamId"]}
    assert {frame.metadata["streamId"] for frame in found} == {str(attached["streamId"])}
    assert (begun["width"], begun["format"], begun["streamMetadata"]["fps"]) == (2, "rgba8", 25)
    assert [word["timestampMicros"] for word in words] == [1000, 41000]
    done = outputs.one("done")
    assert (done["done"], done["frames"], done["droppedFrames"]) == (True, 2, 0)


def test_frames_in_pieces():
    outputs = cut([b"ABC", b"DEFGHIJ", b"KL"], {"width": 1, "height": 1})
    assert [media.read_frame(packet).array.tobytes() for packet in outputs["frame"]] == [b"ABCD", b"EFGH", b"IJKL"]
    outputs = cut([b"ABCDE"], {"width": 1, "height": 1})
    assert len(outputs["frame"]) == 1
    assert "no whole frame" in outputs["error"][0]
    assert cut([b"ABCDE"], {"width": 1, "height": 1}, {"strictFrameSize": False}).one("done")["frames"] == 1


def test_enough_frames_let_the_stream_go():
    outputs = cut((b"ABCD" for _ in range(1000)), {"width": 1, "height": 1}, {"maxFrames": 3})
    assert len(outputs["frame"]) == 3
    assert outputs.one("done")["frames"] == 3


def test_a_stream_that_is_wrong_is_told():
    assert "width" in cut([b"ABCD"], {"height": 1})["error"][0]
    assert "it fell" in cut([b"ABCD"], {"width": 1, "height": 1}, error="it fell")["error"][0]
    assert "stream" in run("tpl_cv_video_stream_to_frames", ports=["frame"], stream=5)["error"][0]


# Models.


def test_the_mock():
    tensor = media.tensor_packet(np.zeros(8, np.uint8), "input")
    outputs = run("tpl_ml_run_inference", {"backend": "mock"}, ports=["tensor", "tensors", "inference"], tensor=tensor)
    found = tensor_of(outputs)
    assert found.array.shape == (1, 16)
    np.testing.assert_allclose(found.array[0, :4], [0.2538, 0.7783, 0.3028, 0.8273], atol=1e-6)
    assert found.metadata["fields"]["mockSeed"] == 9309795088144742538
    inference = outputs.one("inference")
    expected = {"backend": "mock", "modelId": "mock-model", "modelBytes": 0, "inputCount": 1}
    assert inference["metadata"].items() >= expected.items()
    assert outputs.one("tensors") == inference["tensors"]
    assert bytes(inference["tensors"][0]["data"]) == found.array.tobytes()


@pytest.mark.parametrize("listens", [False, True])
def test_large_results_leave_for_an_outport_of_the_network_and_for_a_listener_alone(listens):
    outputs = [{"name": "large", "dtype": "f32", "shape": {"dims": [1, 2000]}}]
    with Network() as net:
        net.add_node("n", "tpl_ml_run_inference", {"backend": "mock", "outputs": outputs})
        net.add_initial("n", "tensor", media.tensor_packet(np.zeros((1, 2), np.float32)))
        heard = {port: net.listen("n", port) if listens else None for port in ("tensors", "inference")}
        if not listens:
            for port in heard:
                net.add_outport(port, "n", port)
        result = net.run(timeout=60)
        for port, listener in heard.items():
            (told,) = [listener.recv(timeout=30).data()] if listener else result.collected()[port]
            (tensor,) = told["tensors"] if port == "inference" else told
            assert len(tensor["data"]) == 8000


def test_a_graph_of_hand_landmarks():
    outputs = Outputs(landmarks=[], detections=[], roi=[], error=[])
    picture = media.frame_packet(np.random.default_rng(1).integers(0, 255, (90, 160, 4), np.uint8))
    with Network.from_graph((GRAPHS / "hand_landmarks.json").read_text()) as net:
        nodes = {"landmarks": "smooth", "detections": "palm_decode", "roi": "roi"}
        for port, node in nodes.items():
            net.register_actor(f"read_{port}", reading(outputs, port))
            net.add_node(f"read_{port}", f"read_{port}")
            net.add_connection(node, port, f"read_{port}", "in")
        net.add_initial("palm_letterbox", "frame", picture)
        assert net.run(timeout=60).ok
    assert len(outputs.one("landmarks")["landmarks"]) == 21
    assert len(outputs.one("detections")["detections"]) == 1
    assert 0 < outputs.one("roi")["rect"]["width"] <= 1


def test_detections():
    rows = media.tensor_packet(np.array([[0.1, 0.2, 0.3, 0.4, 0.9], [0, 0, 1, 1, 0.1]], np.float32), "rows")
    found = run("tpl_ml_decode_detections", ports=["detections"], tensor=rows).one("detections")["detections"]
    assert len(found) == 1
    assert found[0]["bbox"] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    found = run("tpl_ml_decode_detections", {"threshold": 0.95}, ports=["detections"], tensor=rows).one("detections")[
        "detections"
    ]
    assert found[0]["bbox"] == [0.25, 0.25, 0.5, 0.5]
    assert found[0]["metadata"] == {"fallback": True}
    assert found[0]["score"] == 1.0
    outputs = run("tpl_ml_decode_detections", {"bbox_indices": [0, 1, 2, 9]}, ports=["detections"], tensor=rows)
    assert "bbox_indices" in outputs["error"][0]
    wrong = media.tensor_packet(np.zeros(5, np.uint8))
    assert "f32" in run("tpl_ml_decode_detections", ports=["detections"], tensor=wrong)["error"][0]


def test_landmarks():
    rows = media.tensor_packet(np.array([112, 56, 22.4, 224, 448, 0], np.float32))
    found = run("tpl_ml_decode_landmarks", {"inputSize": 224}, ports=["landmarks"], tensor=rows).one("landmarks")
    assert found["landmarks"][0] == pytest.approx({"x": 0.5, "y": 0.25, "z": 0.1})
    assert found["landmarks"][1] == pytest.approx({"x": 1, "y": 1, "z": 0})
    assert found["metadata"]["fields"]["valuesPerLandmark"] == 3
    roi = {"rect": {"centerX": 0.5, "centerY": 0.5, "width": 0.5, "height": 0.5, "rotation": 0}}
    found = run("tpl_ml_decode_landmarks", {"inputSize": 224}, ports=["landmarks"], tensor=rows, roi=roi).one(
        "landmarks"
    )
    assert (found["landmarks"][0]["x"], found["landmarks"][0]["y"]) == pytest.approx((0.5, 0.375))


@pytest.mark.parametrize(
    ("message", "summary"),
    [
        (Message.flow(), {"kind": "flow"}),
        (Message.boolean(True), {"kind": "boolean", "value": True}),
        (Message.integer(5), {"kind": "integer", "value": 5}),
        (Message.string("abc"), {"kind": "string", "length": 3}),
        (Message.bytes(b"abcd"), {"kind": "bytes", "length": 4}),
        (Message.object({"a": 1}), {"kind": "object"}),
        (Message.array([1, 2]), {"kind": "array", "length": 2}),
        (Message.error("no"), {"kind": "error", "message": "no"}),
        (Message.object({"detections": []}), {"kind": "detections", "length": 0}),
    ],
)
def test_the_probe_knows_what_it_sees(message, summary):
    outputs = run_node("tpl_ml_packet_probe", {}, {"input": message}, listen=["summary"])
    assert outputs.one("summary").items() >= {**summary, "count": 1}.items()


def test_the_probe_looks_into_tensors():
    packet = media.tensor_packet(np.array([1, 2, 3], np.float32), "a")
    outputs = run_node("tpl_ml_packet_probe", {"stats": True}, {"input": packet}, listen=["summary", "output"])
    told = outputs.one("summary")["tensor"]
    assert (
        told.items()
        >= {"name": "a", "dtype": "f32", "shape": [3], "bytes": 12, "expectedBytes": 12, "mean": 2.0}.items()
    )
    assert outputs.one("output") == packet


# Real models.


def small_model(path):
    """Write a model of a matrix, a bias and a rectifier; give its arrays."""
    onnx = pytest.importorskip("onnx")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    rng = np.random.default_rng(3)
    weight, bias = rng.normal(size=(4, 3)).astype(np.float32), rng.normal(size=3).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Add", ["a", "b"], ["c"]),
        helper.make_node("Relu", ["c"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(bias, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return weight, bias


def test_a_file_is_all_that_is_needed(tmp_path):
    path = tmp_path / "small.onnx"
    weight, bias = small_model(path)
    x = np.random.default_rng(5).normal(size=(2, 4)).astype(np.float32)
    outputs = run(
        "tpl_ml_run_inference", {"path": str(path)}, ports=["tensor", "inference"], tensor=media.tensor_packet(x)
    )
    found = tensor_of(outputs)
    np.testing.assert_allclose(found.array, np.maximum(x @ weight + bias, 0), atol=1e-5)
    assert found.name == "y"
    assert outputs.one("inference")["metadata"]["backend"] == "tract"


def test_a_model_goes_with_the_last_node_that_may_need_it(tmp_path):
    from ..runtime.support import resident_mb

    onnx = pytest.importorskip("onnx")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    path = tmp_path / "large.onnx"
    packet = media.tensor_packet(np.ones((1, 4), np.float32))

    def answer(columns: int) -> None:
        weight = numpy_helper.from_array(np.ones((4, columns), np.float32), "w")
        graph = helper.make_graph(
            [helper.make_node("MatMul", ["x", "w"], ["y"])],
            "large",
            [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 4])],
            [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, columns])],
            [weight],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        path.write_bytes(model.SerializeToString())
        with Network() as net:
            net.add_node("load", "tpl_ml_load_model", {"path": str(path)})
            net.add_node("n", "tpl_ml_run_inference")
            net.add_connection("load", "model", "n", "model")
            net.add_initial("n", "tensor", packet)
            assert net.run(timeout=60).ok

    answer(4_000_000)  # what any model needs is there
    before = resident_mb()
    for more in range(1, 5):
        answer(4_000_000 + more)
    # Each has 64 MB; what the allocator keeps of one is not the model.
    assert resident_mb() - before < 128


def test_batches(tmp_path):
    path = tmp_path / "small.onnx"
    weight, bias = small_model(path)
    xs = [np.random.default_rng(seed).normal(size=(1, 4)).astype(np.float32) for seed in range(7)]
    inputs = {"tensor": [media.tensor_packet(x, metadata={"sequence": at}) for at, x in enumerate(xs)]}
    outputs = run_node("tpl_ml_run_inference", {"path": str(path), "batch": 3}, inputs, listen=["tensor", "error"])
    assert outputs["error"] == []
    found = [media.read_tensor(packet) for packet in outputs["tensor"]]
    assert [tensor.metadata["sequence"] for tensor in found] == list(range(7))
    for x, tensor in zip(xs, found, strict=True):
        np.testing.assert_allclose(tensor.array, np.maximum(x @ weight + bias, 0), atol=1e-5)


def test_a_batch_waits_no_longer_than_it_was_told(tmp_path):
    path = tmp_path / "small.onnx"
    weight, bias = small_model(path)
    xs = [np.random.default_rng(seed).normal(size=(1, 4)).astype(np.float32) for seed in range(5)]

    class Slow(Actor):
        outports = ["tensor"]

        async def run(self, ctx):
            for at, x in enumerate(xs):
                await ctx.send_async({"tensor": media.tensor_packet(x, metadata={"sequence": at})})
            await heard.wait()
            ctx.finish()
            ctx.done()

    heard = asyncio.Event()
    seen = []

    class Reading(Actor):
        inports = ["in"]
        outports = []

        async def run(self, ctx):
            seen.append(media.read_tensor(ctx["in"]))
            if len(seen) == len(xs):
                heard.set()  # the source, and with it the node, goes on until everything has come
            ctx.done()

    with Network() as net:
        for name, actor in (("slow", Slow), ("reading", Reading)):
            net.register_actor(name, actor)
            net.add_node(name, name)
        config = {"path": str(path), "batch": 3, "batchTimeoutMs": 20}
        net.add_node("infer", "tpl_ml_run_inference", config=config)
        net.add_connection("slow", "tensor", "infer", "tensor")
        net.add_connection("infer", "tensor", "reading", "in")
        assert net.run(timeout=30).ok
    assert [tensor.metadata["sequence"] for tensor in seen] == list(range(5))
    for x, tensor in zip(xs, seen, strict=True):
        np.testing.assert_allclose(tensor.array, np.maximum(x @ weight + bias, 0), atol=1e-5)


def test_what_does_not_fit_a_model_is_told(tmp_path):
    path = tmp_path / "small.onnx"
    small_model(path)
    wrong = media.tensor_packet(np.zeros((1, 5), np.float32))
    assert "[0, 4]" in run("tpl_ml_run_inference", {"path": str(path)}, ports=["tensor"], tensor=wrong)["error"][0]
    wrong = media.tensor_packet(np.zeros((1, 4), np.uint8))
    assert "f32" in run("tpl_ml_run_inference", {"path": str(path)}, ports=["tensor"], tensor=wrong)["error"][0]
    path.write_bytes(path.read_bytes()[:50])
    good = media.tensor_packet(np.zeros((1, 4), np.float32))
    assert len(run("tpl_ml_run_inference", {"path": str(path)}, ports=["tensor"], tensor=good)["error"]) == 1
    missing = {"path": str(tmp_path / "missing.onnx")}
    assert "missing.onnx" in run("tpl_ml_run_inference", missing, ports=["tensor"], tensor=good)["error"][0]
    for backend in ("tract", "onnx", "litert", "tensorrt"):
        assert len(run("tpl_ml_run_inference", {"backend": backend}, ports=["tensor"], tensor=good)["error"]) == 1


def test_models_are_described_by_their_files(tmp_path):
    path = tmp_path / "small.onnx"
    small_model(path)
    outputs = run("tpl_ml_load_model", {"path": str(path)}, ports=["model", "model_data"], asset_id=Message.flow())
    assert "asset_id" in outputs["error"][0]
    outputs = run_node(
        "tpl_ml_load_model", {}, {"model_data": path.read_bytes()}, listen=["model", "model_data", "error"]
    )
    model = outputs.one("model")
    assert model["backend"] == "tract"
    assert model["inputs"] == [{"name": "x", "dtype": "f32", "shape": {"dims": [0, 4]}}]
    assert model["outputs"][0]["name"] == "y"
    assert outputs.one("model_data") == path.read_bytes()


def manifest(**changes):
    import hashlib

    spec = [{"name": "x", "dtype": "f32", "shape": {"dims": [1, 4]}}]
    whole = {
        "modelId": "small", "taskKind": "test", "backend": "tract", "inputSpecs": spec, "outputSpecs": spec, "license": "MIT",
        "sourceUrl": "https://example.org", "checksumSha256": hashlib.sha256(b"").hexdigest(), "tags": ["a"],
    }  # fmt: skip
    return {**whole, **changes}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"backend": "cuda"}, "backend"),
        ({"sourceUrl": ""}, "sourceUrl"),
        ({"checksumSha256": "abc"}, "64"),
        ({"inputSpecs": []}, "inputSpecs"),
        ({"modelId": " "}, "modelId"),
    ],
)
def test_bad_manifests_are_told(changes, said):
    outputs = run("tpl_ml_load_model", ports=["model"], manifest=manifest(**changes))
    assert said in outputs["error"][0]


def test_a_licence_is_refused_where_that_is_asked_for():
    other = manifest(license="gpl-3.0")
    assert run("tpl_ml_load_model", ports=["model"], manifest=other).one("model")["id"] == "small"
    outputs = run("tpl_ml_load_model", {"allowedLicenses": ["mit"]}, ports=["model"], manifest=other)
    assert "licence" in outputs["error"][0]


def test_a_model_in_the_asset_database(tmp_path):
    import hashlib

    path = tmp_path / "small.onnx"
    weight, bias = small_model(path)
    data = path.read_bytes()
    told = manifest(
        checksumSha256=hashlib.sha256(data).hexdigest(),
        inputSpecs=[{"name": "x", "dtype": "f32", "shape": {"dims": [1, 4]}}],
        outputSpecs=[{"name": "y", "dtype": "f32", "shape": {"dims": [1, 3]}}],
    )
    database = str(tmp_path / "assets.db")
    store = AssetStore(database)
    store.put("small:model", data, metadata={"kind": "reflow.modelManifest", "version": 1, "manifest": told})
    store.flush()
    x = np.random.default_rng(5).normal(size=(1, 4)).astype(np.float32)
    outputs = Outputs(tensor=[], error=[])
    with Network() as net:
        net.add_node("model", "tpl_ml_load_model", config={"$db": database})
        net.add_node("run", "tpl_ml_run_inference")
        net.add_connection("model", "model", "run", "model")
        for port in outputs:
            net.register_actor(f"read_{port}", reading(outputs, port))
            net.add_node(f"read_{port}", f"read_{port}")
            net.add_connection("run", port, f"read_{port}", "in")
        net.add_initial("model", "asset_id", "small:model")
        net.add_initial("run", "tensor", media.tensor_packet(x))
        assert net.run(timeout=60).ok
    np.testing.assert_allclose(tensor_of(outputs).array, np.maximum(x @ weight + bias, 0), atol=1e-5)
    outputs = run("tpl_ml_load_model", {"$db": database}, ports=["model"], asset_id="nothing:here")
    assert "nothing:here" in outputs["error"][0]


def finder(path, size=96, cell=16):
    """Write a model that says for each cell of a picture how bright it is: rows of x, y, w, h, score."""
    onnx = pytest.importorskip("onnx")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    step = cell // 2
    places = [(x, y) for y in range(0, size - cell + 1, step) for x in range(0, size - cell + 1, step)]
    boxes = np.array([[[x / size, y / size, cell / size, cell / size] for x, y in places]], np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["image", "axes"], ["gray"], keepdims=1),
        helper.make_node("AveragePool", ["gray"], ["cells"], kernel_shape=[cell, cell], strides=[step, step]),
        helper.make_node("Sub", ["cells", "half"], ["above"]),
        helper.make_node("Mul", ["above", "steep"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["sure"]),
        helper.make_node("Reshape", ["sure", "rows"], ["scores"]),
        helper.make_node("Concat", ["boxes", "scores"], ["found"], axis=2),
    ]
    graph = helper.make_graph(
        nodes,
        "finder",
        [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, [1, 3, size, size])],
        [helper.make_tensor_value_info("found", onnx.TensorProto.FLOAT, [1, len(places), 5])],
        [
            numpy_helper.from_array(boxes, "boxes"),
            numpy_helper.from_array(np.array([1], np.int64), "axes"),
            numpy_helper.from_array(np.array(0.5, np.float32), "half"),
            numpy_helper.from_array(np.array(20, np.float32), "steep"),
            numpy_helper.from_array(np.array([1, len(places), 1], np.int64), "rows"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(model.SerializeToString())


def iou(a, b):
    """What two boxes have in common, as a part of both together."""
    sides = [max(0, min(a[i] + a[i + 2], b[i] + b[i + 2]) - max(a[i], b[i])) for i in (0, 1)]
    common = sides[0] * sides[1]
    return common / (a[2] * a[3] + b[2] * b[3] - common)


def test_a_bright_square_is_found_in_the_frame_it_was_in(tmp_path):
    path = tmp_path / "finder.onnx"
    finder(path)
    rng = np.random.default_rng(7)
    picture = rng.integers(0, 60, (120, 192, 3)).astype(np.uint8)
    square = (110, 40, 32, 32)
    picture[40:72, 110:142] = rng.integers(200, 255, (32, 32, 3))
    outputs = Outputs(detections=[], crop=[], error=[])
    chain = [
        ("box", "tpl_cv_resize_letterbox", {"width": 96, "height": 96}),
        ("tensor", "tpl_cv_image_to_tensor", {"layout": "nchw"}),
        ("run", "tpl_ml_run_inference", {"path": str(path)}),
        ("decode", "tpl_ml_decode_detections", {"unletterbox": True, "fallback_detection": False, "nms": {"iou": 0.3}}),
        ("roi", "tpl_cv_detection_to_roi", {"scale": 1.0, "square": False, "fallback_center": False}),
        ("crop", "tpl_cv_tensor_crop_roi", {}),
    ]
    wires = [
        ("box", "frame", "tensor", "frame"),
        ("tensor", "tensor", "run", "tensor"),
        ("run", "tensor", "decode", "tensor"),
        ("decode", "detections", "roi", "detections"),
        ("roi", "roi", "crop", "roi"),
    ]
    with Network() as net:
        for name, template, config in chain:
            net.add_node(name, template, config=config)
        for wire in wires:
            net.add_connection(*wire)
        for port, node, outport in [("detections", "decode", "detections"), ("crop", "crop", "frame")]:
            net.register_actor(f"read_{port}", reading(outputs, port))
            net.add_node(f"read_{port}", f"read_{port}")
            net.add_connection(node, outport, f"read_{port}", "in")
        net.add_initial("box", "frame", media.frame_packet(picture))
        net.add_initial("crop", "frame", media.frame_packet(picture))
        assert net.run(timeout=60).ok
    best = outputs.one("detections")["detections"][0]
    assert iou([part * side for part, side in zip(best["bbox"], (192, 120, 192, 120), strict=True)], square) > 0.5
    crop = media.read_frame(outputs.one("crop")).array
    assert crop.mean() > 150


@pytest.mark.timeout(120)
def test_a_thousand_inferences_take_no_memory(tmp_path):
    from ..runtime.support import resident_mb

    path = tmp_path / "small.onnx"
    small_model(path)
    packet = media.tensor_packet(np.zeros((1, 4), np.float32))
    run_node("tpl_ml_run_inference", {"path": str(path)}, {"tensor": [packet] * 50}, listen=["tensor"])
    before = resident_mb()
    outputs = run_node("tpl_ml_run_inference", {"path": str(path)}, {"tensor": [packet] * 1000}, listen=["tensor"])
    assert len(outputs["tensor"]) == 1000
    assert resident_mb() - before < 50


@pytest.mark.parametrize("backend", ["tract", "onnx"])
def test_results_are_those_of_onnxruntime(tmp_path, backend):
    runtime = pytest.importorskip("onnxruntime")
    path = tmp_path / "finder.onnx"
    finder(path)
    x = np.random.default_rng(2).random((1, 3, 96, 96)).astype(np.float32)
    (expected,) = runtime.InferenceSession(str(path)).run(None, {"image": x})
    config = {"path": str(path), "backend": backend}
    outputs = run("tpl_ml_run_inference", config, ports=["tensor", "inference"], tensor=media.tensor_packet(x))
    np.testing.assert_allclose(tensor_of(outputs).array, expected, atol=1e-4)
    assert outputs.one("inference")["metadata"]["backend"] == backend


#: Models that packages of the registry bring along: the package, the file, and the shape of a picture or the like.
REAL = [
    ("magika", "models/standard_v*/model.onnx", None),
    ("rapidocr_onnxruntime", "models/ch_ppocr_mobile_v2.0_cls_infer.onnx", (1, 3, 48, 192)),
    ("rapidocr_onnxruntime", "models/ch_PP-OCRv*_det_infer.onnx", (1, 3, 64, 96)),
]


def real_model(package, pattern):
    """Find the file of a model of an installed package; nothing of the package runs."""
    found = importlib.util.find_spec(package)
    files = [path for place in (found and found.submodule_search_locations) or () for path in Path(place).glob(pattern)]
    if not files:
        pytest.skip(f"the package {package} is not installed")
    return str(sorted(files)[-1])


@pytest.mark.timeout(120)
@pytest.mark.parametrize("backend", ["tract", "onnx"])
@pytest.mark.parametrize(("package", "pattern", "shape"), REAL)
def test_real_models_answer_as_in_onnxruntime(package, pattern, shape, backend):
    runtime = pytest.importorskip("onnxruntime")
    path = real_model(package, pattern)
    session = runtime.InferenceSession(path)
    rng = np.random.default_rng(4)
    kinds = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(int32)": np.int32}
    inputs = {}
    for told in session.get_inputs():
        dims = shape or [dim if isinstance(dim, int) else 1 for dim in told.shape]
        kind = kinds[told.type]
        inputs[told.name] = rng.random(dims).astype(kind) if kind is np.float32 else rng.integers(0, 100, dims, kind)
    expected = dict(zip([told.name for told in session.get_outputs()], session.run(None, inputs), strict=True))
    packets = {
        name: {
            "dtype": {"float32": "f32", "int64": "i64", "int32": "i32"}[array.dtype.name],
            "shape": {"dims": list(array.shape)},
            "data": list(np.ascontiguousarray(array).tobytes()),
        }
        for name, array in inputs.items()
    }
    config = {"path": path, "backend": backend}
    outputs = run("tpl_ml_run_inference", config, ports=["tensors"], tensors=packets)
    assert outputs["error"] == []
    for told in outputs.one("tensors"):
        data = np.frombuffer(bytes(told["data"]), {"f32": "<f4", "i64": "<i8"}[told["dtype"]])
        wanted = expected[told["name"]]
        np.testing.assert_allclose(data.reshape(told["shape"]["dims"]), wanted, atol=1e-4)


def test_a_runtime_that_is_not_there_is_told(tmp_path):
    path = tmp_path / "small.onnx"
    small_model(path)
    packet = media.tensor_packet(np.zeros((1, 4), np.float32))
    config = {"path": str(path), "backend": "onnx", "ortLibrary": "/nowhere/libonnxruntime.so"}
    outputs = run("tpl_ml_run_inference", config, ports=["tensor"], tensor=packet)
    assert "ortLibrary" in outputs["error"][0]


def test_a_config_is_enough_for_a_model(tmp_path):
    path = tmp_path / "small.onnx"
    small_model(path)
    outputs = run_node("tpl_ml_load_model", {"path": str(path)}, {}, listen=["model", "error"])
    assert outputs.one("model")["id"] == "small"
