"""Outputs are published together, or not at all."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest

from bloctel.errors import InputError
from bloctel.tabular.outputs import Target, open_outputs

if TYPE_CHECKING:
    from pathlib import Path


def refusal(targets: dict[str, Target], source: os.stat_result | None = None) -> str:
    """Return the message of the error about the targets."""
    with (
        pytest.raises(InputError) as caught,
        open_outputs(targets, source=source),
    ):
        pass
    return str(caught.value)


def test_files_appear_at_the_end(tmp_path: Path) -> None:
    """No file has its final name before the block ends."""
    target = tmp_path / "clear.csv"

    with open_outputs({"clear": target}, source=None) as files:
        files["clear"].write(b"x")
        assert not target.exists()

    assert target.read_bytes() == b"x"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_error_leaves_no_file(error: type[BaseException], tmp_path: Path) -> None:
    """After any error the folder is unchanged."""
    stream = io.BytesIO()
    targets: dict[str, Target] = {"clear": tmp_path / "a", "blocked": stream}

    def fail() -> None:
        with open_outputs(targets, source=None) as files:
            files["clear"].write(b"x")
            files["blocked"].write(b"x")
            raise error

    with pytest.raises(error):
        fail()

    assert list(tmp_path.iterdir()) == []
    assert stream.getvalue() == b""


def test_a_failing_end_leaves_no_temporary(tmp_path: Path) -> None:
    """A file that cannot be published is removed; existing files stay."""
    target = tmp_path / "clear"

    def fail() -> None:
        with open_outputs({"clear": target}, source=None):
            target.mkdir()

    with pytest.raises(OSError, match="clear"):
        fail()

    assert [path.name for path in tmp_path.iterdir()] == ["clear"]


def test_new_files_have_ordinary_permissions(tmp_path: Path) -> None:
    """The umask applies, as for any file."""
    ordinary = tmp_path / "ordinary"
    ordinary.touch()

    with open_outputs({"clear": tmp_path / "clear"}, source=None):
        pass

    assert (tmp_path / "clear").stat().st_mode == ordinary.stat().st_mode


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """The target of the link is replaced."""
    (tmp_path / "link").symlink_to(tmp_path / "file")

    with open_outputs({"clear": tmp_path / "link"}, source=None) as files:
        files["clear"].write(b"x")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"x"


def test_the_input_is_never_an_output(tmp_path: Path) -> None:
    """Neither by its name nor through a link of any kind."""
    source = tmp_path / "calls.csv"
    source.write_bytes(b"x")
    (tmp_path / "soft").symlink_to(source)
    os.link(source, tmp_path / "hard")

    for name in ("calls.csv", "soft", "hard"):
        assert refusal({"clear": tmp_path / name}, source.stat()) == (
            "expected a separate file, got the same file as the input"
            " - at the clear output"
        )


def test_two_outputs_are_two_files(tmp_path: Path) -> None:
    """Paths may be spelled differently, and the files may not exist yet."""
    (tmp_path / "soft").symlink_to(tmp_path / "a")
    sentence = (
        "expected a separate file, got the same file as the clear output"
        " - at the blocked output"
    )
    stream = io.BytesIO()

    pairs: list[tuple[Target, Target]] = [
        (tmp_path / "a", tmp_path / "soft"),
        (tmp_path / "a", str(tmp_path / "." / "a")),
        (stream, stream),
    ]
    for first, second in pairs:
        assert refusal({"clear": first, "blocked": second}) == sentence


def test_targets_that_cannot_be_files_are_refused(tmp_path: Path) -> None:
    """A directory, a missing folder, a device."""
    missing = tmp_path / "no" / "clear"

    assert refusal({"clear": tmp_path}) == (
        f"expected a file name for the output, got a directory - at {tmp_path}"
    )
    assert refusal({"clear": missing}) == (
        f"expected a folder for the output, got no such folder - at {missing}"
    )
    assert refusal({"clear": os.devnull}) == (
        "expected a file name for the output, got a device, a pipe or a socket"
        f" - at {os.devnull}"
    )
