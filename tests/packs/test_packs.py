"""Packs from Python: what is refused, and packs of Python actors."""

import hashlib
import json
import zipfile

import pytest

from offbit_reflow import Network, inspect_pack, list_packs, load_pack, pack_abi_version, template_list
from offbit_reflow.cli import main
from offbit_reflow.exceptions import PackError


def test_what_is_no_pack_is_refused(tmp_path):
    path = tmp_path / "notes.rflpack"
    path.write_text("nothing")
    before = template_list(), list_packs()
    for call in (load_pack, inspect_pack):
        with pytest.raises(RuntimeError, match="notes"):
            call(path)
    with pytest.raises(PackError):
        load_pack(tmp_path / "missing.rflpack")
    assert (template_list(), list_packs()) == before


def test_the_abi_version_is_a_number():
    assert pack_abi_version() > 0


def test_a_bundle_that_lies_about_its_files_is_refused(tmp_path):
    path = tmp_path / "lies.rflpack"
    manifest = {
        "manifest_version": 1,
        "name": "lies",
        "version": "1.0.0",
        "reflow_pack_abi_version": pack_abi_version(),
        "targets": {},
        "templates": [],
        "files": {"python/a.py": {"sha256": hashlib.sha256(b"other").hexdigest(), "size": 5}},
        "python": {"templates": {"tpl_lies": "a:A"}},
    }
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("manifest.json", json.dumps(manifest))
        bundle.writestr("python/a.py", "nothing")
    with pytest.raises(PackError):
        load_pack(path, allow_python=True)
    assert "tpl_lies" not in template_list()


def test_a_pack_of_python_actors_runs_only_when_it_is_allowed(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    place = tmp_path / "twice"
    assert main(["pack", "new", str(place), "--name", "example.twice", "--language", "python"]) == 0
    assert main(["pack", "build", str(place), "--output", str(tmp_path / "twice.rflpack")]) == 0
    path = tmp_path / "twice.rflpack"
    capsys.readouterr()
    manifest = inspect_pack(path)
    assert manifest["name"] == "example.twice"
    templates = list(manifest["python"]["templates"])
    with pytest.raises(PackError, match="allow"):
        load_pack(path)
    assert not set(templates) & set(template_list())
    assert load_pack(path, allow_python=True) == templates
    assert load_pack(path, allow_python=True) == templates
    assert set(templates) <= set(template_list())
    with Network() as net:
        net.add_node("a", templates[0])
        assert net.check() == []


def test_a_bundle_without_digests_is_read(tmp_path, monkeypatch):
    """The manifest of version 0.2.9 has no `files`: they are taken as they are, and nothing of them counts as signed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "plain.rflpack"

    def build(body, **more):
        manifest = {"manifest_version": 1, "name": "plain", "version": "1.0.0", "templates": ["tpl_plain"], **more}
        with zipfile.ZipFile(path, "w") as bundle:
            bundle.writestr("manifest.json", json.dumps(manifest))
            bundle.writestr("python/plain.py", body)
            bundle.writestr("lib/x/plain.so", "library")

    body = "from offbit_reflow import Actor\nclass Plain(Actor):\n    def run(self, ctx): ctx.done({'out': %s})\n"
    public = {"reflow_pack_abi_version": 2442128673, "targets": {"x": {"file": "lib/x/plain.so"}}}
    build("", **public, min_reflow_version="0.2.0")
    assert inspect_pack(path)["targets"] == public["targets"]
    with pytest.raises(RuntimeError, match="ABI"):
        load_pack(path)
    build("", **(public | {"targets": {"x": {"file": "lib/x/other.so"}}}))
    with pytest.raises(RuntimeError, match=r"other\.so"):
        inspect_pack(path)
    own = {"reflow_pack_abi_version": pack_abi_version(), "python": {"templates": {"tpl_plain": "plain:Plain"}}}
    build(body % "'plain'", **own)
    with pytest.raises(PackError, match="allow_python"):
        load_pack(path)
    assert load_pack(path, allow_python=True) == ["tpl_plain"]
    assert load_pack(path, allow_python=True) == ["tpl_plain"]
    with Network() as net:
        net.add_node("a", "tpl_plain")
        net.add_outport("out", "a", "out")
        net.add_initial("a", "in", 1)
        assert net.run(timeout=15).outputs == {"out": ["plain"]}
    build(body % "'changed'", **own)
    with pytest.raises(PackError, match="plain"):
        load_pack(path, allow_python=True)
