/* Pointers to the items of arrays that Python passes to compiled functions.
 *
 * An array is a NumPy array or a bytes object. It must be contiguous, with items of the
 * requested type in native byte order. The caller must keep a reference to the array as
 * long as it uses the pointer.
 *
 * Cython's typed memoryviews would do the same, but they add 20,000 lines of C to each
 * extension module.
 */
#pragma once

#include <Python.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const char *name;
    const char *formats; /* the accepted format characters of Python's `struct` module */
    Py_ssize_t size;     /* in bytes */
} item_type;

static inline int array_has_type(const Py_buffer *view, item_type type)
{
    const char *format = view->format ? view->format : "B";
    return view->itemsize == type.size && format[0] && !format[1]
        && strchr(type.formats, format[0]);
}

/* Return a pointer to the first item, or NULL with an exception set: TypeError if the
 * item type is wrong, ValueError if the length is wrong or the array is read-only. */
static inline void *array_items(PyObject *array, Py_ssize_t n, const char *name,
                                item_type type, int flags)
{
    Py_buffer view;
    void *items = NULL;
    if (PyObject_GetBuffer(array, &view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | flags))
        return NULL;
    if (!array_has_type(&view, type))
        PyErr_Format(PyExc_TypeError,
                     "expected %s of the type %s, got the format %s of %zd bytes",
                     name, type.name, view.format ? view.format : "B", view.itemsize);
    else if (view.len != n * type.size)
        PyErr_Format(PyExc_ValueError, "expected %s of length %zd, got %zd", name, n,
                     view.len / type.size);
    else
        items = view.buf ? view.buf : ""; /* not NULL, which means an error */
    PyBuffer_Release(&view);
    return items;
}

#define ARRAY_ITEMS_OF(type, formats)                                                  \
    static inline const type##_t *type##_items(PyObject *array, Py_ssize_t n,          \
                                               const char *name)                       \
    {                                                                                  \
        const item_type item = {#type, formats, sizeof(type##_t)};                     \
        return array_items(array, n, name, item, 0);                                   \
    }                                                                                  \
    static inline type##_t *writable_##type##_items(PyObject *array, Py_ssize_t n,     \
                                                    const char *name)                  \
    {                                                                                  \
        const item_type item = {#type, formats, sizeof(type##_t)};                     \
        return array_items(array, n, name, item, PyBUF_WRITABLE);                      \
    }

ARRAY_ITEMS_OF(uint8, "B")
ARRAY_ITEMS_OF(int32, "il")
ARRAY_ITEMS_OF(uint32, "IL")
ARRAY_ITEMS_OF(int64, "lq")
ARRAY_ITEMS_OF(uint64, "LQ")
