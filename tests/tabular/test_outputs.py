"""Outputs are published together, or not at all."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest

from bloctel import Registry, rules
from bloctel.errors import InputError
from bloctel.scrub.receipts import SigningKey
from bloctel.tabular.outputs import (
    Target,
    named_outputs,
    open_outputs,
    refuse_clashes,
    require_usable,
)
from tests.helpers.own_rules import TEXT, no_registrations

if TYPE_CHECKING:
    from pathlib import Path


def refusal(targets: dict[str, Target], *inputs: tuple[str, object]) -> str:
    """Return the message of the error about the targets."""
    try:
        require_usable(targets)
        refuse_clashes(named_outputs(targets), inputs)
    except InputError as error:
        return str(error)
    return "accepted"


def test_files_appear_at_the_end(tmp_path: Path) -> None:
    """No file has its final name before the block ends."""
    target = tmp_path / "clear.csv"

    with open_outputs({"clear": target}) as files:
        files["clear"].write(b"x")
        assert not target.exists()

    assert target.read_bytes() == b"x"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_error_leaves_no_file(error: type[BaseException], tmp_path: Path) -> None:
    """If an error occurs before the end, the folder is unchanged."""
    stream = io.BytesIO()
    targets: dict[str, Target] = {"clear": tmp_path / "a", "blocked": stream}

    def fail() -> None:
        with open_outputs(targets) as files:
            files["clear"].write(b"x")
            files["blocked"].write(b"x")
            raise error

    with pytest.raises(error):
        fail()

    assert list(tmp_path.iterdir()) == []
    assert stream.getvalue() == b""


def test_a_failing_end_leaves_no_temporary(tmp_path: Path) -> None:
    """If renaming fails, the temporary file is removed; existing files stay."""
    target = tmp_path / "clear"

    def fail() -> None:
        with open_outputs({"clear": target}):
            target.mkdir()

    with pytest.raises(OSError, match="clear"):
        fail()

    assert [path.name for path in tmp_path.iterdir()] == ["clear"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """An output path that is a link stays a link; the file it points to is replaced."""
    (tmp_path / "link").symlink_to(tmp_path / "file")

    with open_outputs({"clear": tmp_path / "link"}) as files:
        files["clear"].write(b"x")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"x"


def test_the_input_is_never_an_output(tmp_path: Path) -> None:
    """No name and no link makes the input an output."""
    source = tmp_path / "calls.csv"
    source.write_bytes(b"x")
    (tmp_path / "soft").symlink_to(source)
    os.link(source, tmp_path / "hard")

    with source.open("rb") as stream:
        for name in ("calls.csv", "soft", "hard"):
            for given in (source, str(source), stream, tmp_path / "hard"):
                assert refusal({"clear": tmp_path / name}, ("the input", given)) == (
                    "expected a separate file, got the same file as the input"
                    " - at the clear output"
                )


def test_files_of_the_library_are_not_replaced(tmp_path: Path) -> None:
    """No output replaces a key, a registry, its log, a snapshot, a receipt or rules."""
    registry = Registry.create(f"sqlite:///{tmp_path}/own.db", lists=["own"])
    registry.build_snapshot(tmp_path / "own.bloctel")
    SigningKey.create(tmp_path / "key.pem")
    (tmp_path / "r.json").write_bytes(b'{"against":{}}')
    (tmp_path / "rules.toml").write_text("name = 'own:x'")
    (tmp_path / "old.db-journal").write_bytes(b"\xd9\xd5\x05\xf9 \xa1c\xd7")
    os.link(tmp_path / "own.db-wal", tmp_path / "hard")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert {"own.db-wal", "own.db-shm"} < {path.name for path in before}
    (tmp_path / "folder").symlink_to(tmp_path)
    for path in (*before, tmp_path / "own.db-journal"):
        link = tmp_path / f"{path.name}.csv"
        link.symlink_to(path)
        relative = os.path.relpath(path)
        for target in (path, link, relative, tmp_path / "folder" / path.name):
            with (
                pytest.raises(InputError, match="would replace a file with"),
                open_outputs({"clear": target}),
            ):
                pass
    assert {path: path.read_bytes() for path in before} == before
    registry.close()


def test_registered_rules_are_not_replaced(tmp_path: Path) -> None:
    """No output replaces a file of rules that the process registered."""
    path = tmp_path / "rules.txt"
    path.write_text(TEXT)
    with no_registrations():
        rules.register(path)
    os.link(path, tmp_path / "hard")

    for target in (path, tmp_path / "hard"):
        with (
            pytest.raises(InputError, match="would replace a file with rules"),
            open_outputs({"clear": target}),
        ):
            pass


def test_a_registry_that_appears_during_a_run_is_not_replaced(tmp_path: Path) -> None:
    """The target is checked again at the end of the run."""
    url, target = f"sqlite:///{tmp_path}/own.csv", tmp_path / "own.csv"

    def run() -> None:
        with open_outputs({"blocked": tmp_path / "x.csv", "clear": target}):
            Registry.create(url, lists=["own"]).close()

    with pytest.raises(InputError, match="would replace a file with a registry"):
        run()

    assert [path.name for path in tmp_path.iterdir()] == ["own.csv"]
    Registry.open(url).close()


def test_two_outputs_are_two_files(tmp_path: Path) -> None:
    """Paths may be spelled differently, and the files may not exist yet."""
    (tmp_path / "soft").symlink_to(tmp_path / "a")
    (tmp_path / "folder").symlink_to(tmp_path)
    sentence = (
        "expected a separate file, got the same file as the clear output"
        " - at the blocked output"
    )
    stream = io.BytesIO()

    pairs: list[tuple[Target, Target]] = [
        (tmp_path / "a", tmp_path / "A"),
        (tmp_path / "a", tmp_path / "soft"),
        (tmp_path / "a", str(tmp_path / "." / "a")),
        (tmp_path / "\u00e9", tmp_path / "e\u0301"),  # one name on some file systems
        (tmp_path / "a", tmp_path / "folder" / "a"),
        (stream, stream),
    ]
    for first, second in pairs:
        assert refusal({"clear": first, "blocked": second}) == sentence


def test_targets_that_cannot_be_files_are_refused(tmp_path: Path) -> None:
    """A directory, a file in a missing folder and a device are refused."""
    missing = tmp_path / "no" / "clear"

    assert refusal({"clear": tmp_path}) == (
        f"expected a file name for the output, got a directory - at {tmp_path}"
    )
    assert refusal({"clear": missing}) == (
        "expected a folder for the output, got no such folder (create it first) - at "
        f"{missing}"
    )
    assert refusal({"clear": "a\0b"}) == (
        "expected a file name for the output, got characters that no path can have"
        " - at output"
    )
    assert refusal({"clear": os.devnull}) == (
        "expected a file name for the output, got a device, a pipe or a socket"
        f" - at {os.devnull}"
    )
