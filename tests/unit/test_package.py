"""What `import bloctel` gives, and what it costs."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from types import ModuleType

import pytest

import bloctel
from bloctel.scrub import frames

_HEAVY = (
    "duckdb",
    "pandas",
    "phonenumbers",
    "polars",
    "pyarrow",
    "sqlalchemy",
    "typer",
)
_WITHOUT_CORE = """
import sys
sys.modules["bloctel._filter"] = None   # as if it had not been compiled
import bloctel
"""


def _run(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True)


def test_importing_the_package_imports_nothing_heavy() -> None:
    """A program pays for a library when it uses what needs it."""
    done = _run("import sys, bloctel; print(*sys.modules)")

    assert not done.stderr
    assert not set(_HEAVY) & set(done.stdout.split())


def test_who_looks_up_in_snapshots_imports_no_registry() -> None:
    """What writes, follows and scrubs is imported when it is asked for."""
    done = _run("import sys, bloctel; print(*sys.modules); bloctel.Registry")

    assert not done.stderr
    loaded = set(done.stdout.split())
    assert "bloctel.snapshot" in loaded
    assert not {"bloctel.registry", "bloctel.follower", "bloctel.scrub"} & loaded
    assert not {"concurrent.futures", "logging"} & loaded


def test_a_missing_core_is_an_import_error_that_names_the_cure() -> None:
    """There is no silent slow path: the message says what to run."""
    done = _run(_WITHOUT_CORE)

    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith("ImportError: expected the compiled core of bloctel")
    assert "python -m pip install" in last


def test_the_public_names_are_sorted_and_there() -> None:
    """`__all__` is what can be imported from the top."""
    assert bloctel.__all__ == sorted(bloctel.__all__)
    assert all(hasattr(bloctel, name) for name in bloctel.__all__)


@pytest.mark.parametrize("name", [n for n in bloctel.__all__ if n != "__version__"])
def test_every_public_name_says_what_it_is(name: str) -> None:
    """A docstring begins with a sentence."""
    text = getattr(bloctel, name).__doc__ or ""

    assert text.strip().partition("\n")[0].rstrip().endswith((".", "?"))


_FRAME = """
from datetime import date
import polars
frame = polars.DataFrame({"tel": ["0199001234"]})
book = bloctel.Registry.create("memory:", lists=["own"])
made = bloctel.scrub(frame, book, column="tel", on=date(2026, 11, 23))
print(made["bloctel"].to_list())
print(bloctel.scrub.csv_file.scrub_csv is scrub_csv is bloctel.scrub_csv)
"""


@pytest.mark.parametrize(
    "imports",
    [
        "import bloctel\nfrom bloctel.scrub import scrub_csv",
        "from bloctel.scrub import scrub_csv\nimport bloctel",
        "import bloctel.scrub.csv_file\nfrom bloctel.scrub.csv_file import scrub_csv",
        "import bloctel.scrub.csv_file as file\nimport bloctel\n"
        "scrub_csv = file.scrub_csv",
        "from bloctel import *\nimport bloctel\nfrom bloctel.scrub import scrub_csv\n"
        "assert scrub is bloctel.scrub",
    ],
)
def test_the_package_of_scrubs_is_called_and_imported_from(imports: str) -> None:
    """`bloctel.scrub` is a function and a package, whichever is used first."""
    done = _run(imports + _FRAME)

    assert done.stdout.split("\n")[:2] == ["['clear']", "True"], done.stderr


def test_the_package_of_scrubs_is_a_function_to_whoever_looks() -> None:
    """Signature and text are the function's, and it can be sent to another process."""
    assert inspect.signature(bloctel.scrub) == inspect.signature(frames.scrub)
    assert bloctel.scrub.__doc__ == frames.scrub.__doc__
    assert pickle.loads(pickle.dumps(bloctel.scrub)) is bloctel.scrub  # noqa: S301
    assert isinstance(bloctel.scrub, ModuleType)
