"""Files in `examples/`: results as in the README, computed in two ways."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.command_line import run
from tests.helpers.plain_scrub import counts, is_fiction, key, keys, kind, rows

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
TOWN_HALLS = ROOT / "tests" / "data" / "town-halls.csv"
KINDS = {"clear": "--output", "blocked": "--blocked", "invalid": "--invalid"}

pytestmark = pytest.mark.skipif(
    not EXAMPLES.is_dir(), reason="the examples are not next to the tests"
)


def numbers_of(path: Path) -> list[str]:
    """Return the lines below the header."""
    return path.read_text(encoding="utf-8").splitlines()[1:]


@pytest.fixture(scope="module")
def scrubbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, int], Path]:
    """The counts of the scrub in the README, and the folder of its outputs."""
    folder = tmp_path_factory.mktemp("scrubbed")
    outputs = [part for name in KINDS for part in (KINDS[name], folder / name)]
    done = run(
        *("scrub", EXAMPLES / "prospects.csv", "--column", "telephone"),
        *("--against", EXAMPLES / "oppositions.csv", *outputs, "--format", "json"),
    )
    assert done.code == 0
    return json.loads(done.stdout), folder


def test_the_counts_are_those_of_another_method(
    scrubbed: tuple[dict[str, int], Path],
) -> None:
    """Python's `csv`, `phonenumbers` and a set give the same counts."""
    summary, _ = scrubbed
    table = rows((EXAMPLES / "prospects.csv").read_text(encoding="utf-8"), ";")
    listed = keys(numbers_of(EXAMPLES / "oppositions.csv"))

    expected = counts(table, 2, listed)

    assert {name: summary[name] for name in KINDS} == expected
    assert expected == {"clear": 921, "blocked": 75, "invalid": 4}
    assert summary["rows"] == len(table) == 1000
    assert len(listed) == 400


def test_the_outputs_merged_in_order_are_the_input(
    scrubbed: tuple[dict[str, int], Path],
) -> None:
    """Each row is in one output, in order and unchanged, as `csv` expects."""
    _, folder = scrubbed
    content = (EXAMPLES / "prospects.csv").read_bytes()
    listed = keys(numbers_of(EXAMPLES / "oppositions.csv"))
    outputs = {name: (folder / name).read_bytes().splitlines(True) for name in KINDS}

    header = outputs["clear"].pop(0)
    for name in ("blocked", "invalid"):
        assert outputs[name].pop(0) == header[:-1] + b";bloctel\n"
    merged = header
    for row in rows(content.decode(), ";"):
        name = kind(row[2], listed)
        line = outputs[name].pop(0)
        merged += line if name == "clear" else line[: line.rindex(b";")] + b"\n"

    assert merged == content
    assert outputs == {name: [] for name in KINDS}


def test_the_files_can_be_generated_again(tmp_path: Path) -> None:
    """`generate.py` and the town halls give the same files, to the byte."""
    shutil.copy(EXAMPLES / "generate.py", tmp_path)

    subprocess.run([sys.executable, tmp_path / "generate.py", TOWN_HALLS], check=True)

    for name in ("prospects.csv", "oppositions.csv"):
        assert (tmp_path / name).read_bytes() == (EXAMPLES / name).read_bytes()


def test_only_invented_numbers_are_registered() -> None:
    """All registered numbers are in ranges for fiction; no town hall is registered."""
    oppositions = numbers_of(EXAMPLES / "oppositions.csv")
    town_halls = {
        key(row[2]) for row in rows(TOWN_HALLS.read_text(encoding="utf-8"), ";")
    }

    assert all(map(is_fiction, oppositions))
    assert not keys(oppositions) & town_halls
