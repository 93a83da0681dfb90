"""Tests of a registry in PostgreSQL behind the pooler PgBouncer."""

from __future__ import annotations

import random
import shutil
import subprocess
import threading
import time
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

import pytest

from bloctel import Follower, Registry
from tests.helpers.private_server import PORTS, is_free
from tests.helpers.servers import server, unique
from tests.registry.test_follower import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.helpers.servers import Server

KEY = 33639981000
ON = date(2024, 1, 2)
PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")


@contextmanager
def pooled(started: Server, mode: str) -> Iterator[int]:
    """Start a pooler with its default options; give its port."""
    port = next(p for p in random.sample(PORTS, 99) if is_free(p))
    users = started.write("users.txt", f'"bloctel" "{started.password}"\n')
    options = started.write(
        "pgbouncer.ini",
        f"[databases]\n* = host=127.0.0.1 port={started.port}\n[pgbouncer]\n"
        f"listen_addr=127.0.0.1\nlisten_port={port}\nauth_type=scram-sha-256\n"
        f"auth_file={users}\npool_mode={mode}\nunix_socket_dir=\ndefault_pool_size=3\n",
    )
    with (started.home / "pgbouncer.log").open("wb") as log:
        pooler = subprocess.Popen(
            [str(PROGRAM), str(options)], stderr=log, **started._how()
        )
    try:
        eventually(lambda: not is_free(port))
        yield port
    finally:
        pooler.terminate()
        pooler.wait()


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_look_ups_through_a_pooler(mode: str) -> None:
    """Every look-up of many clients is answered, and right."""
    with server("postgresql") as started, pooled(started, mode) as port:
        url = started.url(unique()).replace(f":{started.port}/", f":{port}/")
        errors: list[BaseException] = []
        known = 0
        is_over = threading.Event()

        def ask(n: int) -> None:
            exact = ("memory", "storage")[n % 2]
            try:
                with Registry.open(url, refresh_seconds=0, exact=exact) as registry:  # type: ignore[arg-type]
                    while not is_over.is_set():
                        key = KEY + random.randint(max(0, known - 3), known)  # noqa: S311
                        assert registry.is_blocked(key, on=ON)
                        assert not registry.is_blocked(KEY - 1, on=ON)
                        time.sleep(0)
            except BaseException as error:
                errors.append(error)

        # in session mode, each client keeps its connections
        n_clients = 1 if mode == "session" else 6
        with Registry.create(url, lists=["own"]) as writer:
            writer.register(KEY, list="own", on=ON)
            threads = [
                threading.Thread(target=ask, args=(i,)) for i in range(n_clients)
            ]
            for thread in threads:
                thread.start()
            for i in range(1, 60):
                writer.register(KEY + i, list="own", on=ON)
                known = i
            is_over.set()
            for thread in threads:
                thread.join()
        assert errors == []
        with Follower.open(url) as follower, Registry.open(url) as writer:
            writer.register(KEY + 90, list="own", on=ON)
            eventually(lambda: follower.is_blocked(KEY + 90, on=ON))
