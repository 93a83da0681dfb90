"""Pool of connections that still works after a signal handler raised an exception.

SQLAlchemy's own queue uses `threading.Condition`.  If a signal handler, for example of
Ctrl-C, raises an exception while a thread takes the lock of the condition, the lock can
stay locked, and all threads would wait forever.
"""

import queue
from typing import Any

from sqlalchemy.pool import QueuePool
from sqlalchemy.util.queue import Empty, Full, QueueCommon


class _Queue(QueueCommon[Any]):
    """Queue of unused connections, based on `SimpleQueue`, which is written in C."""

    def __init__(self, maxsize: int = 0, use_lifo: bool = False) -> None:
        self.maxsize = maxsize
        self.use_lifo = use_lifo
        self._connections = queue.SimpleQueue[Any]()

    def qsize(self) -> int:
        return self._connections.qsize()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        try:
            return self._connections.get(block, timeout)
        except queue.Empty:
            pass
        raise Empty

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        if self.qsize() >= self.maxsize:
            raise Full
        self._connections.put(item)


class Pool(QueuePool):
    """Pool of a limited number of connections."""

    _queue_class = _Queue
