"""Snapshot files: the state of a registry at one instant, ready for look-ups.

By default, the file is read into memory and verified, so that later changes of the file
cannot change an answer.  Without verification, the file is mapped into memory: opening
takes the same time for any size, and processes share the memory.

```text
header      128 bytes: magic, version, origin and day, counts, checksum
sections    32 bytes each: name, offset, size, checksum
...         the sections, each at a multiple of 64 bytes
```

The content of the file is not trusted: whatever bytes it contains, a look-up reads only
inside the mapping, or raises an error.  Protect a snapshot like the list: everyone who
has the file can look up all French phone numbers.
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
