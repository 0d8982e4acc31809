"""Print a completion script for your shell.

bash:  reflow completion bash > ~/.local/share/bash-completion/completions/reflow
zsh:   reflow completion zsh > ~/.zfunc/_reflow        (with fpath+=~/.zfunc before compinit)
fish:  reflow completion fish > ~/.config/fish/completions/reflow.fish
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from .exit import OK
from .streams import put

SHELLS = ("bash", "zsh", "fish")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("shell", choices=SHELLS, help="for which shell")


def main(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from . import build_parser

    put(script(arguments.shell, build_parser()))
    return OK


def script(shell: str, parser: argparse.ArgumentParser) -> str:
    """Write the script for a shell."""
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](list(_commands(parser)))


class Command:
    """A command and what may follow it."""

    def __init__(self, words: tuple[str, ...], parser: argparse.ArgumentParser) -> None:
        self.words = words
        #: Names of commands below it, with what they do.
        self.commands: dict[str, str] = {}
        #: Values that its arguments are chosen from.
        self.choices: list[str] = []
        #: Options: the names, what it does, and whether a value follows.
        self.options: list[tuple[list[str], str, bool]] = []
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                helps: list[Any] = list(action._choices_actions)
                self.commands = {str(one.dest): one.help or "" for one in helps}
            elif action.option_strings:
                names = [name for name in action.option_strings if name != "--trust"]
                self.options.append((names, action.help or "", action.nargs != 0))
            elif action.choices:
                self.choices += [str(choice) for choice in action.choices]

    @property
    def option_names(self) -> list[str]:
        """All names of options."""
        return [name for names, _, _ in self.options for name in names]


def _commands(parser: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[Command]:
    yield Command(words, parser)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield from _commands(below, (*words, name))


def _bash(commands: list[Command]) -> str:
    cases = []
    for command in commands:
        words = " ".join([*command.commands, *command.choices, *command.option_names])
        cases.append(f'        "{" ".join(command.words)}") words="{words}" ;;')
    paths = "|".join(" ".join(command.words) for command in commands if command.words)
    return f"""# bash completion of reflow
_reflow() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" command="" next words="" i
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        next="${{command:+$command }}${{COMP_WORDS[i]}}"
        case "|{paths}|" in *"|$next|"*) command="$next" ;; esac
    done
    case "$command" in
{chr(10).join(cases)}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    if [[ "$current" != -* && -n "$command" ]]; then
        COMPREPLY+=($(compgen -f -- "$current"))
    fi
}}
complete -o filenames -F _reflow reflow
"""


def _zsh(commands: list[Command]) -> str:
    cases = []
    for command in commands:
        words = [_quoted(f"{name}:{text}") for name, text in command.commands.items()]
        words += [_quoted(choice) for choice in command.choices]
        options = [_quoted(f"{name}:{text}") for names, text, _ in command.options for name in names]
        cases.append(
            f'        "{" ".join(command.words)}")\n            words=({" ".join(words)})\n            '
            f"options=({' '.join(options)}) ;;"
        )
    paths = "|".join(" ".join(command.words) for command in commands if command.words)
    return f"""#compdef reflow
_reflow() {{
    local command="" next i
    local -a words_before options
    local -a words
    words_before=("${{(@)${{(@s: :)BUFFER}}}}")
    for ((i = 2; i <= ${{#words_before}}; i++)); do
        next="${{command:+$command }}${{words_before[i]}}"
        if [[ "|{paths}|" == *"|$next|"* ]]; then command="$next"; fi
    done
    words=()
    case "$command" in
{chr(10).join(cases)}
    esac
    if [[ "$PREFIX" == -* ]]; then
        _describe -o option options
    else
        _describe command words
        [[ -n "$command" ]] && _files
    fi
}}
compdef _reflow reflow
"""


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _fish(commands: list[Command]) -> str:
    lines = ["# fish completion of reflow"]
    for command in commands:
        seen = " ".join(f"__fish_seen_subcommand_from {word};" for word in command.words)
        below = " ".join(command.commands)
        parts = [part.rstrip(";") for part in seen.split("; ") if part]
        if below:
            parts.append(f"not __fish_seen_subcommand_from {below}")
        condition = f" -n {_quoted('; and '.join(parts))}" if parts else ""
        for name, text in command.commands.items():
            lines.append(f"complete -c reflow -f{condition} -a {name} -d {_quoted(text)}")
        for choice in command.choices:
            lines.append(f"complete -c reflow -f{condition} -a {choice}")
        for names, text, takes_value in command.options:
            flags = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in names)
            lines.append(f"complete -c reflow{condition} {flags}{' -r' if takes_value else ''} -d {_quoted(text)}")
    return "\n".join(lines) + "\n"
