"""The store of assets, from Python: alone, beside components of the catalog, and from several processes."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from offbit_reflow import AssetStore, Network, template_actor
from offbit_reflow.exceptions import AssetError, AssetNotFoundError, ConversionError


@pytest.fixture
def store(tmp_path):
    return AssetStore(tmp_path / "db")


def test_content_comes_back_as_it_was_stored(store):
    store.put("a:mesh", b"\0\1" * 400, metadata={"stride": 24}, tags=["x", "y"])
    store.put("a:transform", {"position": [0, 1.5, -2], "on": True, "none": None})
    store["cfg"] = [1, 2]
    mesh = store.get("a:mesh")
    assert (mesh.data, mesh.type, mesh.tags, mesh.metadata) == (b"\0\1" * 400, "mesh", ("x", "y"), {"stride": 24})
    assert mesh.size < 800
    assert store["a:transform"] == {"position": [0, 1.5, -2], "on": True, "none": None}
    assert list(store) == ["a:mesh", "a:transform", "cfg"]
    assert (len(store), "cfg" in store, "dog" in store, 5 in store) == (3, True, False, False)
    assert store.snapshot("a")["mesh"]["$binary"] is True


def test_an_asset_knows_its_hash_and_whether_it_is_json(store):
    store["hello:audio"] = b"hello"
    store["numbers:mesh"] = bytes(range(256)) * 4
    store["cfg"] = {"b": 1, "a": [2.5]}
    store["same:audio"] = b'{"a":[2.5],"b":1}'
    hello, numbers, cfg, same = (store.get(name) for name in ("hello:audio", "numbers:mesh", "cfg", "same:audio"))
    assert hello.hash == "875d2e6a522e4e9ca5801116c8a638d9"
    # The hash is that of the content, however it is stored.
    assert numbers.hash == "20f477026c51eba768ae63b157bfc563"
    assert numbers.size < 1024
    # That of JSON is the hash of its text, with sorted keys and no blanks.
    assert (cfg.hash, cfg.size) == (same.hash, len(same.data))
    assert [asset.is_json for asset in (hello, numbers, cfg, same)] == [False, False, True, False]


def test_what_is_not_there_is_a_key_error(store):
    with pytest.raises(AssetNotFoundError, match=r"^Entity not found: ghost:mesh$"):
        store.get("ghost:mesh")
    with pytest.raises(KeyError):
        del store["ghost"]
    with pytest.raises(KeyError):
        store.tag("ghost", "x")


def test_what_cannot_be_stored_is_refused(store):
    deep = None
    for _ in range(150):
        deep = [deep]
    with pytest.raises(ConversionError, match="nested"):
        store.put("a", deep)
    with pytest.raises(ConversionError):
        store.put("", 1)
    with pytest.raises((ConversionError, TypeError)):
        store.put("a", object())
    assert list(store) == []


def test_tags_metadata_entities_and_queries(store):
    store.put("hero:transform", {"x": 1}, tags=["player"])
    store.put("hero:mesh", b"abc")
    store.put("tree:transform", {"x": 2}, metadata={"kind": "oak"})
    store.tag("tree:transform", "a", "b")
    store.tag("tree:transform", "c", replace=True)
    store.set_metadata("hero:mesh", {"stride": 12})
    assert store.get("tree:transform").tags == ("c",)
    assert [row["id"] for row in store.query({"metadata.stride": 12})] == ["hero:mesh"]
    assert [row["id"] for row in store.query(type="transform", **{"$sort": "name", "$limit": 1})] == ["hero:transform"]
    assert store.entities_with("transform", "mesh") == ["hero"]
    assert store.entities_with("mesh", "transform", match_any=True) == ["hero", "tree"]
    assert store.spawn("hero", "villain") == 2
    assert store.components_of("villain") == ["transform", "mesh"]
    assert store.destroy("hero") == 2
    assert store.stats()["assetCount"] == 3


def test_updates_of_many_threads_are_all_counted(store):
    def count():
        for _ in range(50):
            store.update("counter", lambda old: (old or 0) + 1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store["counter"] == 200


def test_an_update_may_use_the_store_and_may_fail(store):
    store["a"] = 1
    assert store.update("a", lambda old: old + store["a"]) == 2

    def refuse(old):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.update("a", refuse)
    assert store["a"] == 2


def test_changes_are_watched(store):
    with store.watch() as watch:
        store.put("a:n", 5, metadata={"k": 1})
        store.delete("a:n")
        change = watch.recv(timeout=5)
        assert (change["op"], change["entity"], change["component"], change["data"]) == ("put", "a", "n", 5)
        assert watch.recv(timeout=5)["op"] == "delete"
        assert watch.recv(timeout=0) is None
    store["b"] = 1
    assert list(watch) == []
    with store.watch(capacity=2) as watch:
        for number in range(5):
            store["c"] = number
        assert (watch.dropped, watch.recv(timeout=5)["data"]) == (3, 3)


def test_components_of_the_catalog_share_the_store(store):
    store.put("logo:transform", {"position": [0, 0, 0]})
    store.put("logo:tween", {"target": "logo:transform.position.x", "from": 0, "to": 10, "duration": 1.0})
    net = Network()
    net.register_actor("tween", template_actor("tpl_tween_system"))
    net.add_node("tween", "tween", {"$db": store.path})
    net.add_outport("metadata", "tween", "metadata")
    result = net.run({"tween.dt": iter([0.25, 0.25])})
    assert result.outputs["metadata"][-1] == {"activeTweens": 1, "completedThisTick": 0}
    assert store["logo:transform"] == {"position": [5.0, 0, 0]}
    # The end of the network brings it to the disk.
    with open(os.path.join(store.path, "manifest.json"), encoding="utf-8") as file:
        manifest = json.load(file)
    assert manifest[0]["inline_data"] == {"position": [5.0, 0, 0]}


def test_a_manifest_that_is_broken_is_left_alone(tmp_path):
    (tmp_path / "manifest.json").write_text("[{]", encoding="utf-8")
    store = AssetStore(tmp_path)
    with pytest.raises(AssetError, match="manifest"):
        len(store)
    with pytest.raises(AssetError):
        store["a"] = 1
    assert (tmp_path / "manifest.json").read_text(encoding="utf-8") == "[{]"


def test_a_path_that_is_a_file_is_told(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(AssetError):
        AssetStore(tmp_path / "file")["a"] = 1


WRITER = """
import sys
from offbit_reflow import AssetStore
store = AssetStore(sys.argv[1])
for number in range(10**9):
    store.put("left", number)
    store.put("right:mesh", number.to_bytes(8, "little") * 100)
    print(number, flush=True)
"""


@pytest.mark.timeout(120)
@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
def test_a_process_that_is_killed_loses_nothing_that_was_acknowledged(tmp_path):
    for _ in range(3):
        command = [sys.executable, "-c", WRITER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            last = -1
            for line in process.stdout:
                last = int(line)
                if last >= 150:
                    process.send_signal(signal.SIGKILL)
                    break
            rest = process.stdout.read().split("\n")
        last = max([last, *(int(line) for line in rest[:-1] if line)])
        store = AssetStore(tmp_path)
        assert store["left"] in (last, last + 1)
        number = int.from_bytes(store["right:mesh"][:8], "little")
        assert number in (last, last + 1)
        assert store["right:mesh"] == number.to_bytes(8, "little") * 100


@pytest.mark.timeout(120)
def test_changes_of_other_processes_are_seen_and_watched(store):
    store["mine"] = 1
    code = "import sys; from offbit_reflow import AssetStore; AssetStore(sys.argv[1])['theirs'] = 2"
    with store.watch() as watch:
        subprocess.run([sys.executable, "-c", code, store.path], check=True)
        assert watch.recv(timeout=10)["id"] == "theirs"
    assert store["theirs"] == 2
    assert list(store) == ["mine", "theirs"]
