"""Sound and pictures: the programs make something of real files, and every cell of the notebook runs."""

import array
import json
import subprocess
import sys
import wave
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "media"


def run(code, *arguments):
    program = f"import sys; sys.path.insert(0, {str(FOLDER)!r})\n{code}"
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], check=True, timeout=100, capture_output=True, text=True
    ).stdout


@pytest.mark.timeout(120)
def test_a_sound_is_changed_and_measured(tmp_path):
    path = tmp_path / "sound.wav"
    code = "import sound; heard = sound.listen(); open(sys.argv[1], 'wb').write(heard.sound.to_wav()); "
    code += "assert heard.before.pixels != heard.after.pixels; print(heard.events[-1]['totalSamples'])"
    groups = int(run(code, path))
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 44100, groups)
        samples = array.array("h", file.readframes(groups))
    # It is louder than it was, and below the ceiling of -1 dB.
    assert 15_000 < max(map(abs, samples)) < 32768 * 0.892


@pytest.mark.timeout(120)
def test_pictures_are_made(tmp_path):
    path = tmp_path / "pictures.png"
    run(
        f"import runpy; sys.argv = ['', sys.argv[1]]; runpy.run_path({str(FOLDER / 'pictures.py')!r}, run_name='__main__')",
        path,
    )
    assert path.read_bytes().startswith(b"\x89PNG")
    code = "import pictures; made = pictures.make(); print(len({picture.pixels for picture in made.values()}))"
    assert run(code) == "6\n"


@pytest.mark.timeout(120)
def test_every_cell_of_the_notebook_runs():
    notebook = json.loads((FOLDER / "media.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    shown = run("\n".join([*cells, "print(heard.sound._repr_html_()[:15], made['cat, toned']._repr_png_()[:4])"]))
    assert shown == "<audio controls b'\\x89PNG'\n"
