"""Packs that want what is not theirs: names, ids, time, memory, the cache."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest

from offbit_reflow import Network, inspect_pack, list_packs, load_pack, pack_abi_version, template_list
from offbit_reflow._pack_modules import NAMESPACE, package_of
from offbit_reflow.cli import main
from offbit_reflow.exceptions import PackError

CLASS = """
from offbit_reflow import Actor
class A(Actor):
    inports, outports = ["in"], ["out"]
    def run(self, ctx):
        ctx.done({"out": %r})
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("REFLOW_PACK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def manifest(name: str, templates: dict[str, str], files: dict[str, bytes], **more: Any) -> dict[str, Any]:
    digests = {file: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for file, data in files.items()}
    return {
        "manifest_version": 1,
        "name": name,
        "version": "1.0.0",
        "reflow_pack_abi_version": pack_abi_version(),
        "templates": sorted(templates),
        "python": {"templates": templates},
        "files": digests,
        **more,
    }


def write(path: Path, described: dict[str, Any], files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("manifest.json", json.dumps(described))
        for file, data in files.items():
            bundle.writestr(file, data)
    return path


def pack(path: Path, name: str, id_: str, says: str = "hello", **more: bytes) -> Path:
    files = {"python/mod.py": (CLASS % says).encode(), **more}
    return write(path, manifest(name, {id_: "mod:A"}, files), files)


def says(id_: str) -> Any:
    with Network() as net:
        net.add_node("a", id_)
        net.add_outport("o", "a", "out")
        return net.run(inputs={"a.in": 1}, timeout=20).outputs["o"]


def everything() -> tuple[Any, ...]:
    modules = sorted(name for name in sys.modules if name.startswith(NAMESPACE + "."))
    return template_list(), [pack["name"] for pack in list_packs()], modules, len(sys.meta_path)


def leftovers(cache: Path) -> list[Path]:
    return sorted(path for path in cache.rglob("*") if path.is_file())


def test_every_pack_runs_its_own_code(tmp_path):
    names = ["own.words", "own-words", "own_words", "own_dot_words", "own__words", "Own.words"]
    assert len({package_of(name) for name in names}) == len(names)
    for number, name in enumerate(names):
        load_pack(pack(tmp_path / f"{number}.rflpack", name, f"own.{number}", name), allow_python=True)
    for number, name in enumerate(names):
        assert says(f"own.{number}") == [name]


@pytest.mark.parametrize("id_", ["tpl_passthrough", "taken.id"])
def test_an_id_that_is_taken_is_refused_by_name(tmp_path, cache, id_):
    if id_ not in template_list():
        load_pack(pack(tmp_path / "first.rflpack", "taken.first", id_, "first"), allow_python=True)
    before, files = everything(), leftovers(cache)
    with pytest.raises(PackError, match=id_):
        load_pack(pack(tmp_path / "thief.rflpack", "taken.thief", id_, "thief"), allow_python=True)
    assert (everything(), leftovers(cache)) == (before, files)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import no_such_module_anywhere", "no_such_module"),
        ("class B: pass", "no attribute 'A'"),
        ("A = 5", "TypeError"),
        ("raise SystemExit(3)", None),
    ],
)
def test_a_pack_that_fails_to_import_leaves_nothing(tmp_path, cache, body, words):
    files = {"python/mod.py": b"from . import part\n" + body.encode(), "python/part.py": b""}
    name = "failing-" + hashlib.sha256(body.encode()).hexdigest()[:8]
    path = write(tmp_path / "p.rflpack", manifest(name, {"failing.a": "mod:A"}, files), files)
    before = everything()
    with pytest.raises(SystemExit if words is None else PackError, match=words):
        load_pack(path, allow_python=True)
    assert everything() == before
    assert leftovers(cache) == []
    assert load_pack(pack(path, name, f"mended.{name}"), allow_python=True) == [f"mended.{name}"]


def test_only_what_is_listed_is_imported(tmp_path, cache):
    """In a process of its own, with a cache that somebody has been at."""
    files = {"python/mod.py": (CLASS % "listed").encode() + b"from . import part\n", "python/part/__init__.py": b""}
    path = write(tmp_path / "p.rflpack", manifest("planted", {"planted.a": "mod:A"}, files), files)
    script = f"""
import offbit_reflow as R
try: R.load_pack({str(path)!r}, allow_python=True)
except R.exceptions.PackError as error: print("refused", error)
else:
    net = R.Network(); net.add_node("a", "planted.a"); net.add_outport("o", "a", "out")
    print(net.run(inputs={{"a.in": 1}}, timeout=20).outputs)
"""

    def run() -> str:
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.strip()

    assert run() == "{'o': ['listed']}"
    listed = leftovers(cache)
    assert [file.name for file in listed] == ["mod.py", "__init__.py"]
    tree = listed[0].parent
    evil = (CLASS % "evil").encode()
    compiled = compile(evil, "mod.py", "exec")
    import importlib._bootstrap_external as bootstrap

    cached = tree / "__pycache__" / f"mod.{sys.implementation.cache_tag}.pyc"
    cached.parent.mkdir()
    stat = listed[0].stat()
    cached.write_bytes(bootstrap._code_to_timestamp_pyc(compiled, int(stat.st_mtime), stat.st_size))
    (tree / "mod").mkdir()
    (tree / "mod" / "__init__.py").write_bytes(evil)
    (tree / "part.py").write_bytes(evil)
    (tree / "offbit_reflow.py").write_bytes(evil)
    elsewhere = tmp_path / "elsewhere.py"
    elsewhere.write_bytes(evil)
    listed[0].unlink()
    listed[0].symlink_to(elsewhere)
    assert run() == "{'o': ['listed']}"
    assert leftovers(cache) == listed
    assert not listed[0].is_symlink()
    assert elsewhere.read_bytes() == evil


@pytest.mark.parametrize("package", ["pkg", "folder"])
def test_data_that_is_changed_after_the_check_is_not_read(tmp_path, cache, package):
    """By `importlib.resources`, beside a module or in a folder without one."""
    read = (
        b"import pathlib\nfrom importlib.resources import files\n"
        b"data = files(__package__ + '." + package.encode() + b"')\n"
        b"assert [part.name for part in data.iterdir() if part.is_file()][-1] == 'table.txt'\n"
        b"assert data.joinpath('table.txt').read_text() == (data / 'table.txt').open().read() == 'good'\n"
        b"for f in (pathlib.Path(__file__).parent / '" + package.encode() + b"').glob('table.txt'):\n"
        b"    f.unlink()\n    f.write_text('evil')\n"
        b"data.joinpath('table.txt').read_text()\n"
    )
    files = {"python/mod.py": read, f"python/{package}/table.txt": b"good"}
    if package == "pkg":
        files["python/pkg/__init__.py"] = b""
    path = write(tmp_path / "p.rflpack", manifest("data", {"data.a": "mod:A"}, files), files)
    with pytest.raises(PackError, match="not as the pack lists it"):
        load_pack(path, allow_python=True)


def test_a_file_that_is_changed_between_check_and_import_is_not_run(tmp_path, cache):
    files = {
        "python/mod.py": b"import pathlib\nfor f in pathlib.Path(__file__).parent.glob('late.py'):\n"
        b"    f.unlink()\n    f.write_text('A = 1/0')\nfrom . import late\n",
        "python/late.py": (CLASS % "late").encode(),
    }
    path = write(tmp_path / "p.rflpack", manifest("late", {"late.a": "mod:A"}, files), files)
    with pytest.raises(PackError, match="not as the pack lists it"):
        load_pack(path, allow_python=True)
    assert leftovers(cache) == []


def test_a_tampered_bundle_is_refused_warm_and_cold(tmp_path, cache):
    good = {"python/mod.py": (CLASS % "good").encode(), "python/data.txt": b"data"}
    described = manifest("warm", {"warm.a": "mod:A"}, good)
    tampered = write(tmp_path / "bad.rflpack", described, {**good, "python/data.txt": b"evil"})
    for state in ("cold", "warm"):
        with pytest.raises(PackError, match=r"data\.txt"):
            load_pack(tampered, allow_python=True)
        if state == "cold":
            assert leftovers(cache) == []
            assert load_pack(write(tmp_path / "good.rflpack", described, good), allow_python=True) == ["warm.a"]
    assert says("warm.a") == ["good"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.timeout(30)
def test_only_regular_files_are_opened(tmp_path):
    pipe = tmp_path / "pipe.rflpack"
    os.mkfifo(pipe)
    folder = tmp_path / "folder.rflpack"
    folder.mkdir()
    for path in (pipe, folder, Path("/dev/zero")):
        for call in (load_pack, inspect_pack):
            with pytest.raises(PackError, match="not a regular file"):
                call(path)


@pytest.mark.timeout(60)
def test_a_manifest_with_too_much_in_it_is_refused_and_others_go_on(tmp_path):
    files = {"python/mod.py": b""}
    ports = [{"name": f"port{number:07}"} for number in range(60_000)]
    many = [f"x.{number}" for number in range(20_000)]
    cases = {
        "inports": {"templates": ["x.n", "x.p"], "descriptors": [{"id": "x.n", "inports": ports}]},
        "templates": {"templates": ["x.p", *many]},
        "bytes": {"description": "x" * (9 << 20)},
    }
    ticks, stop = [0], threading.Event()

    def count() -> None:
        while not stop.wait(0.001):
            ticks[0] += 1

    thread = threading.Thread(target=count)
    thread.start()
    try:
        for words, more in cases.items():
            described = {**manifest("much", {"x.p": "mod:A"}, files), **more}
            with pytest.raises(PackError, match=words):
                inspect_pack(write(tmp_path / "much.rflpack", described, files))
    finally:
        stop.set()
        thread.join()
    assert ticks[0] > 0


def test_packs_are_loaded_from_the_command_line_by_the_same_rules(tmp_path, capsys):
    path = pack(tmp_path / "listed.rflpack", "listed", "listed.a")
    assert main(["pack", "list", str(path)]) == 1
    assert "allow" in capsys.readouterr().err
    assert main(["pack", "list", "--allow-python", str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == [f"listed 1.0.0 ({path})", "  listed.a"]
    assert main(["pack", "list", "--allow-python", "--trust", "ab" * 32, str(path)]) == 1
    assert main(["pack", "list", "--allow-python", str(pack(path, "thief", "tpl_passthrough"))]) == 1
    assert "tpl_passthrough" in capsys.readouterr().err


def test_signed_or_not_and_trusted_or_not(tmp_path, capsys):
    def command(*words: object) -> str:
        assert main(["pack", *map(str, words)]) == 0
        return capsys.readouterr().out

    ours = command("keygen", tmp_path / "ours").strip()
    other = command("keygen", tmp_path / "other").strip()
    signed = pack(tmp_path / "signed.rflpack", "signed", "signed.a")
    unsigned = pack(tmp_path / "unsigned.rflpack", "unsigned", "unsigned.a")
    command("sign", signed, "--key", tmp_path / "ours")
    refused: list[tuple[Path, dict[str, Any], str]] = [
        (unsigned, {}, "allow"),
        (unsigned, {"trusted_keys": [ours]}, "not signed"),
        (unsigned, {"trusted_keys": [ours], "allow_python": True}, "not signed"),
        (unsigned, {"trusted_keys": [], "allow_python": True}, "not signed"),
        (signed, {}, "allow"),
        (signed, {"trusted_keys": [other]}, "not among the trusted"),
        (signed, {"trusted_keys": [other], "allow_python": True}, "not among the trusted"),
        (signed, {"trusted_keys": [], "allow_python": True}, "not among the trusted"),
        (signed, {"trusted_keys": ["nonsense"]}, "key"),
    ]
    for path, options, words in refused:
        with pytest.raises(PackError, match=words):
            load_pack(path, **options)
    assert load_pack(signed, trusted_keys=[other, ours]) == ["signed.a"]
    assert load_pack(unsigned, allow_python=True) == ["unsigned.a"]
    with pytest.raises(PackError, match="allow"):
        load_pack(unsigned)


def test_what_a_pack_says_cannot_command_the_terminal(tmp_path, capsys):
    files = {"python/mod.py": b""}
    described = manifest("words", {"words.a": "mod:A"}, files, version="1\x1b[2J", description="\x9b31m\u202e")
    path = write(tmp_path / "p.rflpack", described, files)
    for words in (["inspect", str(path)], ["list", "--allow-python", str(path)], ["verify", str(path) + "\x1b[2J"]):
        main(["pack", *words])
        shown = capsys.readouterr()
        assert not set(shown.out + shown.err) & set("\x1b\x9b\u202e")
