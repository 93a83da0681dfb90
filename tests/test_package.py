"""Public names of `bloctel`, and the modules that `import bloctel` loads."""

from __future__ import annotations

import subprocess
import sys

import bloctel

_HEAVY = (
    "duckdb",
    "itsdangerous",
    "pandas",
    "phonenumbers",
    "polars",
    "pyarrow",
    "sqlalchemy",
    "typer",
)
_NOT_COMPILED = """
import sys
sys.modules["bloctel._filter"] = None   # as if it had not been compiled
import bloctel
"""


def _run(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True)


def test_importing_the_package_imports_nothing_heavy() -> None:
    """`import bloctel` does not load other libraries; features load them when used."""
    done = _run("import sys, bloctel; print(*sys.modules)")

    assert not done.stderr
    assert not set(_HEAVY) & set(done.stdout.split())


def test_look_ups_in_snapshots_import_no_registry() -> None:
    """`import bloctel` loads snapshots, but not registries, followers or scrubs."""
    done = _run("import sys, bloctel; print(*sys.modules); bloctel.Registry")

    assert not done.stderr
    loaded = set(done.stdout.split())
    assert "bloctel.snapshot" in loaded
    assert (
        not {"bloctel.registry", "bloctel.registry.follower", "bloctel.scrub"} & loaded
    )
    assert not {"concurrent.futures", "logging"} & loaded


def test_missing_compiled_modules_are_an_import_error() -> None:
    """Without compiled modules the import fails; the error says how to install."""
    done = _run(_NOT_COMPILED)

    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith("ImportError: this Python cannot load the compiled modules")
    assert "python -m pip install" in last


def test_the_public_names_can_be_imported() -> None:
    """`__all__` lists each name once, and each can be imported."""
    assert len(bloctel.__all__) == len({*bloctel.__all__})
    assert all(hasattr(bloctel, name) for name in bloctel.__all__)


def test_every_public_name_has_a_docstring() -> None:
    """Every public name has a docstring that begins with a sentence."""
    texts = {name: getattr(bloctel, name).__doc__ or "" for name in bloctel.__all__}
    del texts["__version__"]  # a string

    first_lines = {name: text.strip().split("\n")[0] for name, text in texts.items()}

    assert [n for n, line in first_lines.items() if not line.endswith((".", "?"))] == []
