"""Snippets of the documentation: they run, and their output is as shown.

The snippets of a page run from top to bottom in one folder, with a copy of `examples/`.
Python snippets of a page share their names.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import typer.main

import bloctel
from bloctel.cli.app import app
from tests.helpers.doc_pages import PAGES, ROOT, Fence, fences, name_of
from tests.helpers.own_rules import no_registrations
from tests.helpers.private_spark import set_up as set_up_spark

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The width of a column may depend on a measured speed.
_FLAGS: Final = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_END: Final = "--- end of command ---"
_LANGUAGES: Final = {"python", "console", "sh", "text", "toml", "csv", "{eval-rst}"}
_LANGUAGES_OF_MYST: Final = {"{toctree}", "{include}"}
#: Commands in `sh` fences that a test environment need not have.
_TOOLS: Final = {"cd", "git", "python", "ruff", "mypy"}

#: Pages whose snippets are skipped if Spark is missing.
_IN_SPARK: Final = {"docs/how-to/spark.md"}
_MARKED_PAGES: Final = [
    pytest.param(page, marks=pytest.mark.spark if name_of(page) in _IN_SPARK else ())
    for page in PAGES
]


@pytest.mark.slow
@pytest.mark.parametrize("page", _MARKED_PAGES, ids=name_of)
def test_snippets_have_the_output_shown(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All snippets of a page run, and give the output of the page."""
    if name_of(page) in _IN_SPARK:
        set_up_spark(monkeypatch, tmp_path)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    environment = _environment(tmp_path)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}

    with no_registrations():
        wrong = [
            report
            for fence in fences(page)
            for report in (
                _wrong_python(fence, page, names)
                if fence.language == "python"
                else _wrong_console(fence, page, environment)
                if fence.language == "console"
                else ()
            )
        ]

    assert not wrong, "\n\n".join(wrong)


def test_languages_of_fences_are_known() -> None:
    """Each fence has a language that these tests check."""
    known = _LANGUAGES | _LANGUAGES_OF_MYST
    found = [(page, fence) for page in PAGES for fence in fences(page)]

    unknown = [
        f"{name_of(page)}:{fence.line}: {fence.language}"
        for page, fence in found
        if fence.language not in known
    ]

    assert found
    assert not unknown, "\n".join(unknown)


def test_every_shell_command_exists() -> None:
    """The commands in `sh` fences exist, with the options shown."""
    wrong = [
        f"{name_of(page)}:{fence.line}: {problem}"
        for page in PAGES
        for fence in fences(page)
        if fence.language == "sh"
        for command in _commands(fence.text)
        for problem in _problems(command)
    ]

    assert not wrong, "\n".join(wrong)


# -- python --------------------------------------------------------------------


def _wrong_python(fence: Fence, page: Path, names: dict[str, Any]) -> Iterator[str]:
    where = f"{name_of(page)}:{fence.line}"
    test = doctest.DocTestParser().get_doctest(
        fence.text, names, where, name_of(page), fence.line
    )
    if not test.examples:
        yield f"{where}: a python fence without >>> is never run"
        return
    reports: list[str] = []
    # reports may contain colours, which do not matter here
    runner = doctest.DocTestRunner(optionflags=_FLAGS, verbose=False)
    runner.run(test, out=reports.append, clear_globs=False)
    names.update(test.globs)
    yield from ["".join(reports)] if reports else []


# -- console -------------------------------------------------------------------


def _environment(folder: Path) -> dict[str, str]:
    """Return an environment in which `bloctel` is the one under test."""
    programs = folder / ".programs"
    programs.mkdir()
    wrapper = programs / "bloctel"
    python = shlex.quote(sys.executable)
    wrapper.write_text(f'#!/bin/sh\nexec {python} -m bloctel "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    sources = Path(bloctel.__file__).parents[1]
    return {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(sources),
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "80",
        "TERM": "dumb",
        "NO_COLOR": "1",
    }


def _wrong_console(
    fence: Fence, page: Path, environment: dict[str, str]
) -> Iterator[str]:
    steps = _steps(fence.text)
    where = f"{name_of(page)}:{fence.line}"
    if not steps:
        yield f"{where}: a console fence without $ is never run"
        return
    shown = [_tidy(output) for _, output in steps]
    outputs = _run([command for command, _ in steps], environment)
    for (command, _), want, got in zip(steps, shown, outputs, strict=True):
        if not doctest.OutputChecker().check_output(want, got, _FLAGS):
            yield f"{where}: $ {command}\nshown:\n{want}\nreal:\n{got}"


def _steps(text: str) -> list[tuple[str, str]]:
    """Return each command and the output that is shown for it."""
    steps: list[tuple[str, str]] = []
    for line in text.splitlines():
        command, output = steps[-1] if steps else ("", "")
        if line.startswith("$ "):
            steps.append((line[2:], ""))
        elif line.startswith("> ") and not output:
            steps[-1] = f"{command}\n{line[2:]}", ""
        else:
            steps[-1] = command, f"{output}{line}\n"
    return steps


def _run(commands: list[str], environment: dict[str, str]) -> list[str]:
    """Return the output of each command; all run in one shell, and share `$?`."""
    script = "".join(
        f"{command}\nstatus=$?; echo; echo '{_END}'; (exit $status)\n"
        for command in commands
    )
    done = subprocess.run(
        [shutil.which("bash") or "bash", "-c", script],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    return [_tidy(part) for part in done.stdout.split(f"{_END}\n")[: len(commands)]]


def _tidy(output: str) -> str:
    """Return the text without trailing spaces and outer empty lines."""
    lines = [line.rstrip() for line in output.splitlines()]
    return "\n".join(lines).strip("\n") + "\n"


# -- sh ------------------------------------------------------------------------


def _commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each simple command, without comments."""
    lexer = shlex.shlex(
        text.replace("\\\n", " ").replace("\n", " ; "), posix=True, punctuation_chars=""
    )
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word in (";", "&&", "||", "|"):
            if words:
                yield words
            words = []
        else:
            words.append(word)


def _problems(command: list[str]) -> Iterator[str]:
    program, *words = command
    if program == "bloctel":
        yield from _wrong_options(words)
    elif program == "python" and words[:1] == ["-m"]:
        if words[1] != "pip" and find_spec(words[1]) is None:
            yield f"no module {words[1]}"
    elif program not in _TOOLS and shutil.which(program) is None:
        yield f"no command {program}"


def _wrong_options(words: list[str]) -> Iterator[str]:
    command: Any = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        if words[0] not in command.list_commands(None):
            break
        command, words = command.get_command(None, words[0]), words[1:]
    known = {"--help", "-h"}
    for parameter in command.params:
        known.update(parameter.opts, parameter.secondary_opts)
    if hasattr(command, "commands") and not set(words) & known:
        yield f"no command bloctel {' '.join(words)}"
    for word in words:
        if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in known:
            yield f"no option {word} of bloctel {command.name}"
