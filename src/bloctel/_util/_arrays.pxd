"""Pointers to the items of NumPy arrays and bytes, checked for type and length.

The arguments of each function are the array, the number of items that it must have, and
its name for the error message. The caller must keep a reference to the array while it
uses the pointer.

Raises:
    TypeError: The argument is not an array, or its items have another type.
    ValueError: The length differs, or the array is not contiguous or not writable.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t


cdef extern from "array_items.h":
    const uint8_t *uint8_items(object, Py_ssize_t, const char *) except NULL
    const int32_t *int32_items(object, Py_ssize_t, const char *) except NULL
    const int64_t *int64_items(object, Py_ssize_t, const char *) except NULL
    const uint64_t *uint64_items(object, Py_ssize_t, const char *) except NULL

    uint8_t *writable_uint8_items(object, Py_ssize_t, const char *) except NULL
    int32_t *writable_int32_items(object, Py_ssize_t, const char *) except NULL
    uint32_t *writable_uint32_items(object, Py_ssize_t, const char *) except NULL
    int64_t *writable_int64_items(object, Py_ssize_t, const char *) except NULL
    uint64_t *writable_uint64_items(object, Py_ssize_t, const char *) except NULL
