"""Reading the shell commands of a page: are they ours, and then, would they be accepted as they stand?"""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Final

import typer

OURS: Final = frozenset({"photo-api", "photo-monitoring", "photo-stack"})
_TOOLS: Final = """
amtool awk cat cd curl cut date dd df diff dig dmesg du echo env export find free getent grep head ip jq journalctl
kill less ls lsof make mv nc nproc openssl pg_isready ping pip printf promtool ps psql pgrep redis-cli rm sed sleep
socat sort sqlite3 ss stat systemctl tail tar timeout top touch tr uniq uptime vmstat wc xargs
haproxy prometheus prometheus-alertmanager prometheus-blackbox-exporter prometheus-node-exporter
"""
_OTHERS: Final = frozenset(_TOOLS.split())
_KEYWORDS: Final = frozenset({"!", "do", "else", "if", "then", "time", "until", "while", "{", "sudo"})
_IGNORED: Final = frozenset({"done", "fi", "for", "}"})
_COMMENT: Final = re.compile(r"(?m)(?:^|(?<=\s))#.*$")
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_PLACEHOLDER: Final = re.compile(r"<[A-Za-z가-힣][^<>\n]*>")


def simple_commands(script: str) -> Iterator[list[str]]:
    """Yield the words of each simple command of a script; ValueError where a quotation has no end.

    `<name>` stands for a word that the reader fills in. What is quoted is one word; nothing inside it is read.
    """
    text = _PLACEHOLDER.sub("PLACEHOLDER", _COMMENT.sub("", script)).replace("\\\n", " ")
    lexer = shlex.shlex(text, posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    words: list[str] = []
    redirected = False
    for token in lexer:
        if redirected:
            redirected = False
        elif set(token) <= set("<>&") and set(token) & set("<>"):
            redirected = True
            if words and words[-1] in {"0", "1", "2"}:
                words.pop()
        elif set(token) <= set("();|&\n<>"):
            yield words
            words = []
        else:
            words.append(token)
    yield words


def _without_prefix(words: list[str]) -> list[str]:
    start = 0
    while start < len(words) and (words[start] in _KEYWORDS or _ASSIGNMENT.fullmatch(words[start])):
        start += 1
    return words[start:]


@cache
def _program(name: str) -> Any:  # noqa: ANN401 - Typer does not export the type of its commands
    """Return one of our programs as its parser; None where it is not installed with what it needs."""
    for entry in entry_points(group="console_scripts", name=name):
        try:
            return typer.main.get_command(entry.load())
        except ImportError:
            return None
    return None


def _refused(name: str, words: list[str]) -> str | None:
    """Say what one of our programs has against these arguments, None where it would take them."""
    command, path = _program(name), name
    while command is not None and (choices := getattr(command, "commands", None)):
        if words and words[0] == "--help":
            return None
        if not words or words[0] not in choices:
            return f"{path} has no command {words[0] if words else '(none given)'}"
        command, path, words = choices[words[0]], f"{path} {words[0]}", words[1:]
    if command is None or "--help" in words:
        return None
    try:
        command.make_context(path, list(words))
    except typer.TyperException as error:
        return f"{path}: {error}"
    return None


def command_problems(script: str) -> list[str]:
    """Return what is wrong with the commands of a script, one line each."""
    problems = []
    try:
        for words in simple_commands(script):
            command = _without_prefix(words)
            if not command or command[0] in _IGNORED or command[0].endswith("$"):
                continue
            name = command[0].rsplit("/", 1)[-1]
            if name in OURS:
                problem = _refused(name, command[1:])
                problems += [] if problem is None else [problem]
            elif name not in _OTHERS:
                problems.append(f"{name} is no command that runbooks use")
    except ValueError as error:
        problems.append(f"a command cannot be read: {error}")
    return problems
