"""Architecture rules: ranks of modules, and which modules read the clock or print."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import bloctel

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(bloctel.__file__).parent

#: A unit is a package or a top-level module; it imports only units of a lower rank.
RANKS = {
    "errors": 0,
    "_version": 0,
    "_util": 1,
    "_filter": 2,
    "numbers": 2,
    "periods": 2,
    "rules": 3,
    "tabular": 3,
    "lookup": 4,
    "storage": 4,
    "snapshot": 5,
    "records": 5,
    "registry": 6,
    "_open": 7,
    "testing": 7,
    "compliance": 8,
    "scrub": 8,
    "bulk": 9,
    "complaints": 9,
    "integrations": 9,
    "cli": 10,
    "__init__": 11,
    "__main__": 11,
}

FILES = sorted(
    path for path in SOURCE.rglob("*") if path.suffix in (".py", ".pyx", ".pxd", ".pyi")
)
MODULES = sorted(
    path for path in FILES if path.suffix == ".py" or path.suffix == ".pyx"
)


def name_of(path: Path) -> str:
    """Return a module's name below `bloctel`, such as `storage.sql`."""
    parts = list(path.relative_to(SOURCE).with_suffix("").parts)
    if len(parts) > 1 and parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts)


NAMES = {name_of(path) for path in FILES}


def unit_of(name: str) -> str:
    """Return the unit of a module: the module itself, or its package."""
    return name if name in RANKS else name.partition(".")[0]


def imports_of(path: Path) -> set[str]:
    """Return this package's modules that a file imports, even only for annotations."""
    found: set[str] = set()
    pattern = (
        r"^\s*(?:from (bloctel[\w.]*) c?import \(?([^#)]*)|c?import (bloctel[\w.]*))"
    )
    for module, names, plain in re.findall(pattern, path.read_text(), re.MULTILINE):
        base = (module or plain).removeprefix("bloctel").removeprefix(".")
        if base:
            found.add(base)
        for name in re.split(r"[\s,]+", names):
            below = f"{base}.{name}".removeprefix(".")
            if below in NAMES:
                found.add(below)
        if not base and not found & {*re.split(r"[\s,]+", names)}:
            found.add("__init__")
    return found


def all_imports(path: Path) -> set[tuple[str, str]]:
    """Return each import from one unit into another, as (importer, imported)."""
    me = unit_of(name_of(path))
    return {(me, unit_of(other)) for other in imports_of(path) if unit_of(other) != me}


def test_imports_point_down() -> None:
    """A module imports only modules of a lower rank."""
    imports = [(path, *units) for path in FILES for units in all_imports(path)]

    wrong = [
        f"{name_of(path)} imports {other}"
        for path, unit, other in imports
        if RANKS[other] >= RANKS[unit]
    ]

    assert imports
    assert wrong == []


def test_every_module_has_a_rank() -> None:
    """Each unit has a rank, and each entry of the ranks names an existing unit."""
    units = {unit_of(name) for name in NAMES}

    assert units == set(RANKS)


def test_packages_have_no_import_cycles() -> None:
    """The modules of a package import each other without cycles."""
    graph = {
        name_of(path): {
            other
            for other in imports_of(path)
            if unit_of(other) == unit_of(name_of(path)) and other != name_of(path)
        }
        for path in MODULES
    }
    assert graph

    while free := {name for name, others in graph.items() if not others & graph.keys()}:
        graph = {name: others for name, others in graph.items() if name not in free}

    assert graph == {}


def tree_of(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


BELOW_CLI = [
    path
    for path in MODULES
    if path.suffix == ".py" and unit_of(name_of(path)) not in ("cli", "__main__")
]


def test_only_the_command_line_prints_or_reads_the_environment() -> None:
    """Only the command line reads arguments and the environment, and prints."""
    assert BELOW_CLI
    assert [where for path in BELOW_CLI for where in console_uses(path)] == []


def console_uses(path: Path) -> Iterator[str]:
    """Yield each use of the console, the arguments or the environment in a module."""
    for node in ast.walk(tree_of(path)):
        match node:
            case ast.Call(func=ast.Name(id="print" | "input" as name)):
                yield f"{name_of(path)}:{node.lineno}: {name}"
            case ast.Attribute(attr="argv" | "environ" | "getenv" as name):
                yield f"{name_of(path)}:{node.lineno}: {name}"
            case ast.ImportFrom(module="sys" | "os", names=aliases):
                names = {alias.name for alias in aliases}
                for used in names & {"argv", "environ", "getenv", "stdout", "stdin"}:
                    yield f"{name_of(path)}:{node.lineno}: {used}"


def test_one_module_reads_the_clock() -> None:
    """Only `bloctel._util.clock` reads the clock; other modules call it."""
    uses = {name_of(path): list(clock_uses(path)) for path in BELOW_CLI}

    assert uses.pop("_util.clock")
    assert [where for found in uses.values() for where in found] == []


def clock_uses(path: Path) -> Iterator[str]:
    """Yield each use of the clock in a module."""
    for node in ast.walk(tree_of(path)):
        match node:
            case ast.Import(names=aliases) if "time" in {a.name for a in aliases}:
                yield f"{name_of(path)}:{node.lineno}: import time"
            case ast.ImportFrom(module="time"):
                yield f"{name_of(path)}:{node.lineno}: from time import"
            case ast.Attribute(
                value=ast.Name(id="date" | "datetime"),
                attr="now" | "today" | "utcnow" | "fromtimestamp" as name,
            ):
                yield f"{name_of(path)}:{node.lineno}: {name}"


def test_nothing_is_unpickled() -> None:
    """No module uses pickle: bytes of a file are never executed."""
    pattern = r"import\s+c?[Pp]ickle|pickle\.|\bmarshal\b|\bshelve\b"

    wrong = [name_of(f) for f in FILES if re.search(pattern, f.read_text("utf-8"))]

    assert FILES
    assert wrong == []
