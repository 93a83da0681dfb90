# cython: language_level=3, binding=True, auto_pickle=False
# cython: boundscheck=False, wraparound=False, cdivision=True
"""Sampling of the phone numbers of a file; the loops release the GIL."""

from libc.stdint cimport uint64_t

from bloctel._util._arrays cimport uint64_items, writable_uint64_items

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
    # 2^64 divided by the golden ratio: its multiples modulo 2^64 are a simple hash
    cdef uint64_t key, spread = 0x9E3779B97F4A7C15ULL
    cdef Py_ssize_t seen = 0, drawn = 0
    while seen < drawing.n and drawn < drawing.room:
        key = drawing.keys[seen]
        # "| 1": the hash is never 0, so that the limit 0 draws no group
        if key // group * spread | 1 <= drawing.limit:
            drawing.out[drawn] = key
            drawn += 1
        seen += 1
    drawing.seen, drawing.drawn = seen, drawn


def draw(keys, uint64_t group, uint64_t limit, out):
    """Copy the keys of randomly drawn groups to *out*; stop when *out* is full.

    Keys are in one group if their quotients, divided by *group*, are equal.  A group is
    drawn if the hash of this quotient is at most *limit*: the limit 2^64 - 1 draws all
    groups, 2^63 draws about half of them, and 0 draws none.  The result is the number
    of keys that were read, and the number of keys that were copied.
    """
    if group == 0:
        raise ValueError("expected groups of 1 or more, got 0")
    cdef Drawing drawing
    drawing.n, drawing.room = len(keys), len(out)
    drawing.keys = uint64_items(keys, drawing.n, b"keys")
    drawing.out = writable_uint64_items(out, drawing.room, b"out")
    drawing.limit = limit
    with nogil:
        # division by a constant is several times faster than division by a variable
        if group == 1:
            _draw(&drawing, 1)
        elif group == BLOCK:
            _draw(&drawing, BLOCK)
        else:
            _draw(&drawing, group)
    return drawing.seen, drawing.drawn


def count_steps(keys):
    """Count the keys that are one more or one less than the preceding key in *keys*."""
    cdef Py_ssize_t i, n = len(keys), n_steps = 0
    cdef const uint64_t *key = uint64_items(keys, n, b"keys")
    with nogil:
        for i in range(n - 1):
            # the sum is 2 if the key is one more, and 0 if the key is one less
            n_steps += (key[i + 1] - key[i] + 1) & ~<uint64_t>2 == 0
    return n_steps
