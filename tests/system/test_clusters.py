"""Tests of look-ups on the nodes of a Galera cluster, and of a MySQL group."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pymysql
import pytest

from bloctel import Follower, Registry
from bloctel.errors import StorageError
from bloctel.storage.sql import mariadb as storage_module
from tests.helpers.private_server import PORTS
from tests.helpers.servers import KINDS, Mariadb, is_free, require, unique
from tests.registry.test_follower import eventually
from tests.system.test_replicas import heartbeats, refuses

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = 33639981234
ON = date(2024, 1, 2)
LIBRARY = Path("/usr/lib/galera/libgalera_smm.so")


class Node(Mariadb):
    """Node of a Galera cluster; without `first`, it begins a new cluster."""

    first: Node | None = None

    def prepare(self) -> None:
        """Create the data, and choose the ports of the cluster."""
        super().prepare()
        free = filter(is_free, random.sample(PORTS, 50))
        self.member, increments, transfer = [next(free) for _ in range(3)]
        provider = {
            "gmcast.listen_addr": f"tcp://127.0.0.1:{self.member}",
            "ist.recv_addr": f"127.0.0.1:{increments}",
            "repl.causal_read_timeout": "PT1S",  # the wait for the last changes
        }
        others = f"127.0.0.1:{self.first.member}" if self.first else ""
        self._options += [
            "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2",
            "--wsrep-on=ON",
            f"--wsrep-provider={LIBRARY}",
            "--wsrep-provider-options=" + ";".join(map("=".join, provider.items())),
            f"--wsrep-node-address=127.0.0.1:{self.member}",
            f"--wsrep-sst-receive-address=127.0.0.1:{transfer}",
            "--wsrep-sst-method=rsync",
            f"--wsrep-cluster-address=gcomm://{others}",
        ]


@contextmanager
def node(first: Node | None = None) -> Iterator[Node]:
    """Start a node of a new cluster, or one that joins the cluster of *first*."""
    with tempfile.TemporaryDirectory(
        prefix="bloctel-", ignore_cleanup_errors=True
    ) as home:
        started = Node(Path(home), (), None)
        if first is not None:  # a node that joins gets the users of the cluster
            started.first, started.password = first, first.password
        try:
            started.install()
            started.start()
            yield started
        finally:
            started.kill()


@pytest.fixture
def nodes() -> Iterator[tuple[Node, Node]]:
    """Give two nodes of a cluster."""
    require(KINDS["mariadb"], os.environ.get("BLOCTEL_REQUIRE_SERVERS"))
    if not LIBRARY.exists() or shutil.which("rsync") is None:
        pytest.skip("Debian's packages galera-4 and rsync are not installed")
    with node() as first, node(first) as second:
        yield first, second


@contextmanager
def stopped(behind: Node) -> Iterator[None]:
    """Keep a node from storing changes, as a backup of the node does."""
    behind.execute("SET GLOBAL wsrep_desync = ON")
    lock = pymysql.connect(
        host="127.0.0.1", port=behind.port, user="bloctel", password=behind.password
    )
    with lock, lock.cursor() as cursor:
        cursor.execute("FLUSH TABLES WITH READ LOCK")
        yield
    behind.execute("SET GLOBAL wsrep_desync = OFF")


@pytest.mark.server
@pytest.mark.parametrize("exact", ["memory", "storage"])
def test_a_node_that_is_behind_does_not_answer(
    nodes: tuple[Node, Node], exact: Literal["memory", "storage"]
) -> None:
    """A change on one node is seen at once on the other, or the other refuses."""
    first, second = nodes
    name = unique()
    with Registry.create(first.url(name), lists=["own"]) as writer:
        writer.register(KEY, list="own", on=ON)
        url = second.url(name)
        with (
            Registry.open(url, refresh_seconds=0, exact=exact) as registry,
            Follower.open(url, exact=exact, max_silence_seconds=2) as follower,
        ):
            writer.register(KEY + 1, list="own", on=ON)
            assert registry.is_blocked(KEY + 1, on=ON)
            with stopped(second):
                writer.register(KEY + 2, list="own", on=ON)
                with pytest.raises(StorageError):
                    registry.is_blocked(KEY + 2, on=ON)
                eventually(lambda: refuses(follower))
            assert registry.is_blocked(KEY + 2, on=ON)
            eventually(lambda: not refuses(follower))
            assert follower.is_blocked(KEY + 2, on=ON)


@pytest.mark.server
def test_a_node_without_majority_does_not_answer(nodes: tuple[Node, Node]) -> None:
    """A node that was cut off refuses reads, although its settings permit them."""
    first, second = nodes
    name = unique()
    with Registry.create(first.url(name), lists=["own"]) as writer:
        writer.register(KEY, list="own", on=ON)
        second.execute("SET GLOBAL wsrep_dirty_reads = ON")
        with Registry.open(second.url(name), refresh_seconds=0) as registry:
            assert registry.is_blocked(KEY, on=ON)
            second.execute("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'")

            def is_refused() -> bool:
                try:
                    return not registry.is_blocked(KEY, on=ON)
                except StorageError:
                    return True

            eventually(is_refused)


def test_a_server_of_a_mysql_group_needs_heartbeats(
    mariadb: Mariadb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any server of a group can lack the last changes, and can be changed."""
    found = "SELECT 'group_replication_group_name', 'any'"
    monkeypatch.setattr(storage_module, "_CLUSTER", found)
    with mariadb.database() as url, Registry.create(url, lists=["own"]) as registry:
        registry.register(KEY, list="own", on=ON)
        assert refuses(registry)
        with heartbeats(url):
            eventually(lambda: not refuses(registry))
            assert registry.is_blocked(KEY, on=ON)
