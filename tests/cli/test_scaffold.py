"""What `reflow pack new` lays out builds and loads as its README says."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from offbit_reflow.cli import main

from ..runtime.support import script_env

TEMPLATES = Path(__file__).parents[2] / "crates/reflow-pack/src/tool/template"


@pytest.mark.parametrize("language", ["c", "python"])
def test_the_readme_of_a_new_pack_is_true(tmp_path, language, monkeypatch):
    if language == "c" and not (shutil.which("make") and shutil.which("cc")):
        pytest.skip("there is no compiler of C")
    folder = tmp_path / f"acme-{language}"
    assert main(["pack", "new", str(folder), "--language", language]) == 0
    readme = (TEMPLATES / "README.md.in").read_text(encoding="utf-8")
    readme = readme.replace("@NAME@", folder.name).replace("@IDENT@", folder.name.replace("-", "_"))
    monkeypatch.chdir(folder)
    if language == "c":
        shutil.copy(TEMPLATES / "c/Makefile.in", "Makefile")
        command = f"REFLOW_PACK={sys.executable} -m offbit_reflow.cli pack"
        subprocess.run(["make", command], check=True, env=script_env(), capture_output=True)
    else:
        assert main(["pack", "build"]) == 0
    code = "\n".join(re.findall(r"^    ((?:import|offbit_reflow).*)", readme, re.MULTILINE))
    assert "load_pack" in code
    subprocess.run([sys.executable, "-c", code], check=True, env=script_env())
