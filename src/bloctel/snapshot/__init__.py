"""Snapshot files: the state of a registry at one instant, ready for look-ups.

The file is mapped into memory, not read: opening takes the same time for any size, and
processes share its pages.

```text
header      128 bytes: magic, version, origin and day, counts, checksum
sections    32 bytes each: name, offset, size, checksum
...         the sections, each at a multiple of 64 bytes
```

The content of the file is not trusted: with any bytes, a look-up reads inside the
mapping or raises.  A snapshot *is* the list: there are only a thousand million French
numbers, and anyone who has the file can look up all of them.
"""

from bloctel.snapshot.format import MAGIC
from bloctel.snapshot.reader import Content, SnapshotInfo, read_content, stamp_of
from bloctel.snapshot.snapshot import Snapshot, build, verify
from bloctel.snapshot.writer import Origin

__all__ = [
    "MAGIC",
    "Content",
    "Origin",
    "Snapshot",
    "SnapshotInfo",
    "build",
    "read_content",
    "stamp_of",
    "verify",
]
