"""TCP proxy that counts the round trips, and can change the server of its port."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Proxy", "proxy_to"]


class Proxy:
    """Proxy to a port of this machine.

    Attributes:
        port: Port to which clients connect.
        round_trips: Number of times that a client sent data after the server did.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.round_trips = 0
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            self._sockets += [client, server]
            turn = _Turn()
            for pair in ((client, server, True), (server, client, False)):
                threading.Thread(
                    target=self._pass, args=(*pair, turn), daemon=True
                ).start()

    def _pass(
        self, source: socket.socket, to: socket.socket, asks: bool, turn: _Turn
    ) -> None:
        try:
            while data := source.recv(1 << 16):
                with turn.lock:
                    self.round_trips += asks and not turn.is_asking
                    turn.is_asking = asks
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def turn_to(self, port: int, *, drops: bool = True) -> None:
        """Connect new clients to another port; *drops* closes other connections."""
        self._target = port
        for each in self._sockets if drops else ():
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close all connections."""
        for each in (self._listener, *self._sockets):
            each.close()


class _Turn:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.is_asking = False


@contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    """Open a proxy to a port of this machine, and close it at the end."""
    proxy = Proxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
