"""Snapshot files: the state of a registry at one instant, ready for look-ups.

By default, the file is read into memory and verified, so that later changes of the file
cannot change an answer.  Without verification, the file is mapped into memory: then the
time to open it does not depend on its size, and processes share the memory.

```text
header      128 bytes: magic, version, origin and day, counts, checksum
table       32 bytes for each section: name, offset, size, checksum
sections    the content of each section, at a multiple of 64 bytes
```

The content of the file is not trusted: even if it is damaged, a look-up never reads
outside the file's memory.  Protect a snapshot like the list itself: with the file,
anyone can look up all French phone numbers, one after the other.
"""

from bloctel.snapshot.format import MAGIC
from bloctel.snapshot.reader import Content, SnapshotInfo, read_content, stamp_of
from bloctel.snapshot.snapshot import Snapshot, build, verify

__all__ = [
    "MAGIC",
    "Content",
    "Snapshot",
    "SnapshotInfo",
    "build",
    "read_content",
    "stamp_of",
    "verify",
]
