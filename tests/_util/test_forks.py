"""Objects of a parent process in a forked child: files, sockets and descriptors."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from bloctel._util import forks
from bloctel._util.atomic_files import PendingFile, remove_leftovers
from tests.helpers.forks import in_child

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a fork")
DESCRIPTORS = Path("/proc/self/fd")


def n_open() -> int:
    """Return the number of descriptors that this process has open."""
    return len(list(DESCRIPTORS.iterdir()))


@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="needs Linux")
@pytest.mark.parametrize("is_closed", [False, True])
def test_cutting_off_leaves_no_descriptor_open(is_closed: bool) -> None:
    """An open or closed socket is cut off, and no descriptor is left open."""
    ours, theirs = socket.socketpair()
    if is_closed:
        ours.close()
    before = n_open()

    for _ in range(3):
        forks.cut_off(ours.fileno)

    assert n_open() == before
    if not is_closed:
        os.write(ours.fileno(), b"x")
        ours.close()
        assert theirs.recv(1) == b""
    theirs.close()


@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="needs Linux")
def test_a_child_closes_the_lock_of_an_inherited_file(tmp_path: Path) -> None:
    """A child has no file of its parent open, and the lock of the parent stays."""
    pending = PendingFile(tmp_path / "file")

    def open_files() -> list[str]:
        names = [os.readlink(path) for path in DESCRIPTORS.iterdir() if path.exists()]
        return [name for name in names if name.startswith(str(tmp_path))]

    assert in_child(open_files) == [[]]
    remove_leftovers(tmp_path)
    pending.finish()
    pending.publish()
    assert (tmp_path / "file").exists()


@pytest.mark.parametrize("older", [b"older", None])
def test_a_child_does_not_complete_a_file_of_its_parent(
    older: bytes | None, tmp_path: Path
) -> None:
    """In a child, `finish` and `publish` fail; the files of the parent stay."""
    path = tmp_path / "file"
    if older is not None:
        path.write_bytes(older)
    pending = PendingFile(path)
    pending.file.write(b"newer")
    before = sorted(tmp_path.iterdir())

    told = in_child(pending.finish, pending.publish, pending.discard)

    assert [text and text.partition(":")[0] for text in told] == [
        "ForkedError",
        "ForkedError",
        None,
    ]
    assert sorted(tmp_path.iterdir()) == before
    assert older is None or path.read_bytes() == older
    pending.finish()
    pending.publish()
    assert path.read_bytes() == b"newer"
    assert sorted(tmp_path.iterdir()) == [path]
