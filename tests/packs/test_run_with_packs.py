"""`reflow run --pack FILE --trusted-key K`, in processes of their own: what is loaded stays loaded."""

import json
import subprocess
import sys

import pytest

from offbit_reflow import load_pack
from offbit_reflow.exceptions import PackError


def reflow(*arguments, cwd):
    command = [sys.executable, "-m", "offbit_reflow.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=50, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a signed pack, a key, and a graph that uses the pack."""
    folder = tmp_path_factory.mktemp("packs")

    def must(*arguments):
        done = reflow(*arguments, cwd=folder)
        assert done.returncode == 0, done.stderr
        return done.stdout

    must("pack", "new", "acme-words", "--language", "python")
    must("pack", "build", "acme-words", "--output", "words.rflpack")
    manifest = json.loads(must("pack", "inspect", "words.rflpack"))
    template = next(iter(manifest["templates"]))
    template = template if isinstance(template, str) else template["id"]
    (folder / "key.txt").write_text(must("pack", "keygen", "secret.key").strip())
    (folder / "other.txt").write_text(must("pack", "keygen", "other.key").strip())
    must("pack", "sign", "words.rflpack", "--key", "secret.key")
    graph = {
        "caseSensitive": True,
        "properties": {"name": "packed"},
        "processes": {"words": {"id": "words", "component": template, "metadata": None}},
        "connections": [],
        "inports": {},
        "outports": {},
        "groups": [],
    }
    (folder / "graph.json").write_text(json.dumps(graph))
    return folder


def key(folder, name="key"):
    return (folder / f"{name}.txt").read_text()


def test_a_pack_that_a_trusted_key_has_signed(folder):
    checked = reflow("check", "graph.json", "--pack", "words.rflpack", "--trusted-key", key(folder), cwd=folder)
    assert (checked.returncode, checked.stderr) == (0, "")
    listed = reflow("pack", "list", "words.rflpack", "--trusted-key", key(folder), cwd=folder)
    assert listed.returncode == 0
    verified = reflow("pack", "verify", "words.rflpack", "--trusted-key", key(folder), cwd=folder)
    assert "whole, signed by" in verified.stdout


def test_another_key_is_refused(folder):
    for command in (["run", "graph.json", "--pack", "words.rflpack"], ["pack", "list", "words.rflpack"]):
        done = reflow(*command, "--trusted-key", key(folder, "other"), cwd=folder)
        assert done.returncode in (1, 2)
        assert "not among the trusted ones" in done.stderr


def test_without_the_pack_its_template_is_not_known(folder):
    done = reflow("run", "graph.json", cwd=folder)
    assert done.returncode == 2
    assert "unknown-component" in done.stderr


def test_python_code_needs_a_key_or_leave(folder):
    done = reflow("run", "graph.json", "--pack", "words.rflpack", cwd=folder)
    assert done.returncode == 2
    assert "reflow: --pack words.rflpack: the pack holds Python actors" in done.stderr
    assert "allow them with --allow-python, or give --trusted-key" in done.stderr
    with pytest.raises(PackError, match="trusted_keys must be a list of public keys, got a text"):
        load_pack(folder / "words.rflpack", trusted_keys=key(folder))
    assert reflow("check", "graph.json", "--pack", "words.rflpack", "--allow-python", cwd=folder).returncode == 0
