"""Figures of `scripts/house`: counting, comparison and recording."""

from __future__ import annotations

import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests.helpers.scripts import ROOT, script

if TYPE_CHECKING:
    from pathlib import Path

house = script("house")

PYTHON = '''"""What the module does."""

class A:
    """A class."""

    def how(self):
        """Whether it works; How is no first word."""

def f():
    """Return
    what it is."""

def g():
    pass
'''
CYTHON = '''# cython: language_level=3
# a comment
"""How it is done."""

cdef class B:
    """Where
    it is."""

    def f(self,
          x):  # a comment
        r"""Return it."""
        y = """What is no docstring"""

cdef inline int g(int x) nogil:
    """That one."""
'''


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with two top-level modules, one package and three ranks."""
    package = tmp_path / "src" / "bloctel"
    (package / "part").mkdir(parents=True)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_architecture.py").write_text(
        'RANKS = {"errors": 0, "part": 1, "part._fast": 0, "__init__": 2}\n'
    )
    (package / "__init__.py").write_text('"""A package."""\n')
    (package / "errors.py").write_text(PYTHON)
    (package / "_fast.pyx").write_text(CYTHON)
    (package / "_fast.pyi").write_text("x: int\n")
    (package / "part" / "rules.toml").write_text("a = 1\nb = 2\n")
    return tmp_path


def test_the_figures_of_a_checkout(checkout: Path) -> None:
    """Each figure of the small checkout has the value that a count by hand gives."""
    n_lines = 1 + PYTHON.count("\n") + CYTHON.count("\n") + 2

    assert house.quick_figures(checkout) == {
        "units": 3,
        "ranks": 3,
        "modules": 2,
        "source_lines": n_lines,
        "docstrings": 5,
        "docstring_percent": 60.0,  # 3 of 5 modules and classes
    }


def test_docstrings_without_a_noun_are_listed(checkout: Path) -> None:
    """The list of docstrings without a noun has file, line number and first line."""
    found = [d for d in house.docstrings(checkout / "src" / "bloctel") if d.is_bad]

    assert [(d.path.name, d.line, d.text) for d in found] == [
        ("errors.py", 1, "What the module does."),
        ("errors.py", 6, "Whether it works; How is no first word."),
        ("_fast.pyx", 3, "How it is done."),
        ("_fast.pyx", 6, "Where"),
        ("_fast.pyx", 15, "That one."),
    ]


def test_figures_may_only_fall() -> None:
    """A time may exceed its record by 25 %; a count may never exceed its record."""
    recorded = {"units": 22, "build_seconds": 40}

    assert house.worse({"units": 21, "build_seconds": 50}, recorded) == []
    assert house.worse({"units": 23, "build_seconds": 50.1}, recorded) == [
        "units may be at most 22, and is 23",
        "build_seconds may be at most 40, and is 50.1",
    ]


def test_only_lower_figures_are_recorded(tmp_path: Path) -> None:
    """Recording changes only figures that became lower, and keeps the comments."""
    path = tmp_path / "house.toml"
    path.write_text("# modules\nmodules = 6\nunits = 22\n")

    house.record({"modules": 5, "units": 23}, path)

    assert path.read_text() == "# modules\nmodules = 5\nunits = 22\n"


def test_every_figure_has_a_record() -> None:
    """Every figure that `scripts/house` measures has a recorded value."""
    recorded = tomllib.loads(house.RECORD.read_text("utf-8"))

    assert set(recorded) == {*house.quick_figures(ROOT), *house.SLACK}


def test_the_exit_code_is_1_if_a_figure_is_worse(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The measured time includes the processor time of child processes."""
    figures = dict.fromkeys(house.quick_figures(ROOT), 0)
    busy = "import time\nwhile time.process_time() < 0.3: pass"
    seconds = house._processor_seconds([sys.executable, "-c", busy])
    monkeypatch.setattr(house, "quick_figures", lambda _: figures)
    monkeypatch.setattr(house, "test_seconds", lambda: seconds)
    monkeypatch.setattr(sys, "argv", ["house", "--tests"])

    assert house.main() == 0
    figures["modules"] = 1000
    assert house.main() == 1

    assert seconds >= 0.3
    assert "modules may be at most" in capsys.readouterr().out
