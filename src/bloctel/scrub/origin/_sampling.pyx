# cython: language_level=3, binding=True, auto_pickle=False
# cython: boundscheck=False, wraparound=False, cdivision=True
"""What is done with every number of a file that a sample is drawn of.

Every function leaves the GIL to others.
"""

from libc.stdint cimport uint64_t

cdef enum:
    BLOCK = 10_000


cdef struct Drawing:
    const uint64_t *keys
    Py_ssize_t n
    Py_ssize_t seen
    uint64_t limit
    uint64_t *out
    Py_ssize_t room
    Py_ssize_t drawn


cdef inline void _draw(Drawing *drawing, uint64_t group) noexcept nogil:
    # 2^64 over the golden ratio: multiples of it fall evenly over the 64-bit integers
    cdef uint64_t key, spread = 0x9E3779B97F4A7C15ULL
    cdef Py_ssize_t seen = 0, drawn = 0
    while seen < drawing.n and drawn < drawing.room:
        key = drawing.keys[seen]
        # no hash is 0, which half of any limit would let through for ever
        if key // group * spread | 1 <= drawing.limit:
            drawing.out[drawn] = key
            drawn += 1
        seen += 1
    drawing.seen, drawing.drawn = seen, drawn


def draw(
    const uint64_t[::1] keys not None,
    uint64_t group,
    uint64_t limit,
    uint64_t[::1] out not None,
):
    """Put keys whose group is drawn into *out* until there is no more room.

    Which groups are drawn follows from the limit alone: all below 2^64, half of them
    below 2^63, and so on.

    Args:
        keys: The keys (uint64).
        group: How many neighbouring keys are drawn together or not at all, from 1.
        limit: The greatest hash that is drawn; 0 draws nothing.
        out: Where they go (uint64).

    Returns:
        How many keys were looked at, and how many of them were drawn.

    Raises:
        ValueError: No key makes a group.
    """
    if group == 0:
        raise ValueError("expected groups of 1 or more, got 0")
    if not keys.shape[0] or not out.shape[0]:
        return 0, 0
    cdef Drawing drawing
    drawing.keys, drawing.n = &keys[0], keys.shape[0]
    drawing.out, drawing.room = &out[0], out.shape[0]
    drawing.limit = limit
    with nogil:
        # by a number that it knows, the compiler divides several times as fast
        if group == 1:
            _draw(&drawing, 1)
        elif group == BLOCK:
            _draw(&drawing, BLOCK)
        else:
            _draw(&drawing, group)
    return drawing.seen, drawing.drawn


def count_steps(const uint64_t[::1] keys not None):
    """Return how many keys are one more, or one less, than the one before."""
    cdef Py_ssize_t i, n_steps = 0
    with nogil:
        for i in range(keys.shape[0] - 1):
            # one off, up or down, makes 0 or 2
            n_steps += (keys[i + 1] - keys[i] + 1) & ~<uint64_t>2 == 0
    return n_steps
