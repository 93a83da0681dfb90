"""The snapshot file: one registry, one moment, ready to be asked.

The file is the memory: it is mapped, not read, so that opening takes the same time
whatever its size, and processes share its pages.

```text
header      128 bytes: magic, version, what was built when, counts, checksum
sections    32 bytes each: name, offset, size, checksum
...         the sections, each at a multiple of 64 bytes
```

Nothing in the file is trusted: whatever its bytes, a look-up reads inside the
mapping or raises.  A snapshot *is* the list: there are only a thousand million
French numbers, and anyone who has the file can ask about all of them.
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
