"""Figures of `scripts/house`: how they are counted, and what fails."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


def _loaded() -> Any:
    loader = SourceFileLoader("house", str(ROOT / "scripts" / "house"))
    spec = importlib.util.spec_from_loader("house", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["house"] = module  # dataclasses and named tuples look it up
    loader.exec_module(module)
    return module


house = _loaded()

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
    """A checkout with two modules at the top, one package and three ranks."""
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
    """Each figure is counted as its comment in the file of records says."""
    n_lines = 1 + PYTHON.count("\n") + CYTHON.count("\n") + 2

    assert house.quick_figures(checkout) == {
        "units": 3,
        "ranks": 3,
        "modules": 2,
        "source_lines": n_lines,
        "docstrings": 5,
        "docstring_percent": 60.0,  # 3 of 5 modules and classes
    }


def test_docstrings_that_name_nothing_are_listed(checkout: Path) -> None:
    """The list gives the file, the line and the first line of the text."""
    found = [d for d in house.docstrings(checkout / "src" / "bloctel") if d.is_bad]

    assert [(d.path.name, d.line, d.text) for d in found] == [
        ("errors.py", 1, "What the module does."),
        ("errors.py", 6, "Whether it works; How is no first word."),
        ("_fast.pyx", 3, "How it is done."),
        ("_fast.pyx", 6, "Where"),
        ("_fast.pyx", 15, "That one."),
    ]


def test_a_figure_may_fall_and_never_rise() -> None:
    """Times have a tolerance of 25 %, counts have none."""
    recorded = {"units": 22, "build_seconds": 40}

    assert house.worse({"units": 21, "build_seconds": 50}, recorded) == []
    assert house.worse({"units": 23, "build_seconds": 50.1}, recorded) == [
        "units may be at most 22, and is 23",
        "build_seconds may be at most 40, and is 50.1",
    ]


def test_only_lower_figures_are_recorded(tmp_path: Path) -> None:
    """A recorded figure that was exceeded stays, and so do the comments."""
    path = tmp_path / "house.toml"
    path.write_text("# modules\nmodules = 6\nunits = 22\n")

    house.record({"modules": 5, "units": 23}, path)

    assert path.read_text() == "# modules\nmodules = 5\nunits = 22\n"


def test_every_figure_has_a_record() -> None:
    """No figure escapes the comparison."""
    recorded = tomllib.loads(house.RECORD.read_text("utf-8"))

    assert set(recorded) == {*house.quick_figures(ROOT), *house.SLACK}


def test_the_exit_code_says_whether_a_figure_is_worse(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Processor time is that of the child process."""
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
