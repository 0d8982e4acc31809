"""The command line as a whole."""

import subprocess
import sys

import pytest

import offbit_reflow
from offbit_reflow.cli import COMMANDS, build_parser, main


def test_every_command_explains_itself(capsys):
    for command in COMMANDS:
        name = command.__name__.rsplit(".", 1)[-1]
        with pytest.raises(SystemExit) as caught:
            main([name, "--help"])
        assert caught.value.code == 0
        assert f"reflow {name}" in capsys.readouterr().out


def test_without_a_command_it_is_a_usage_error(capsys):
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "usage: reflow" in capsys.readouterr().err


def test_the_help_lists_every_command():
    text = build_parser().format_help()
    assert all(command.__name__.rsplit(".", 1)[-1] in text for command in COMMANDS)


def test_python_m_is_the_same_command():
    command = [sys.executable, "-m", "offbit_reflow.cli", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == f"reflow {offbit_reflow.__version__}\n"
