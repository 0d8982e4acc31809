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
    told = capsys.readouterr().err
    assert "usage: reflow" in told
    assert "Run a graph to its end" in told
    assert len(told.splitlines()) < 25


def test_a_command_that_there_is_not_may_be_meant_for_another(capsys):
    for arguments, words in (
        (["rum"], "did you mean 'run'?"),
        (["pack", "biuld"], "did you mean 'build'?"),
        (["xyz"], "choose from"),
    ):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
        assert words in capsys.readouterr().err


def test_the_help_lists_every_command():
    text = build_parser().format_help()
    assert all(command.__name__.rsplit(".", 1)[-1] in text for command in COMMANDS)


def test_python_m_is_the_same_command():
    command = [sys.executable, "-m", "offbit_reflow.cli", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == f"reflow {offbit_reflow.__version__}\n"
