/* Fuzz target of libFuzzer: the scanner of CSV fields and records, compared with a loop
 * over the bytes. */
#include <stdlib.h>

#define CSV_WINDOW 256 /* small, so that inputs have several windows */
#include "csv_scan.h"

static int is_line_end(uint8_t byte)
{
    return byte == '\n' || byte == '\r';
}

static int is_kind(uint8_t byte, int kind, uint8_t delimiter)
{
    switch (kind) {
    case CSV_FIELD_END:
        return is_line_end(byte) || byte == delimiter;
    case CSV_RECORD_END_OR_QUOTE:
        return is_line_end(byte) || byte == '"';
    default:
        return byte == '"';
    }
}

static void test_next(const uint8_t *data, int64_t size, uint8_t delimiter)
{
    csv_scan scan = {.data = data, .size = size, .block = -1, .delimiter = delimiter};
    for (int kind = 0; kind < CSV_KINDS; kind++) {
        int64_t from = 0;
        while (from <= size) {
            int64_t plain = from;
            while (plain < size && !is_kind(data[plain], kind, delimiter))
                plain++;
            if (csv_next(&scan, kind, from) != plain)
                abort();
            from = plain + 1;
        }
    }
}

/* Fill a window byte by byte. Return the position at which a quote neither opens nor
 * closes a field, or the size if there is no such quote. */
static int64_t fill_plainly(const uint8_t *data, int64_t size, uint8_t delimiter,
                            csv_window *window)
{
    int inside = 0;
    window->n_fields = window->n_records = 0;
    for (int64_t i = 0; i < size; i++) {
        const int is_edge = is_kind(data[i], CSV_FIELD_END, delimiter);
        if (i && data[i - 1] == '"' && !inside && !is_edge && data[i] != '"')
            return i;
        if (data[i] == '"') {
            if (!inside && i && data[i - 1] != '"'
                && !is_kind(data[i - 1], CSV_FIELD_END, delimiter))
                return i;
            inside = !inside;
        } else if (is_edge && !inside) {
            if (data[i] == '\n' && i && data[i - 1] == '\r')
                continue;
            if (is_line_end(data[i]))
                window->record_ends[window->n_records++] = (uint16_t)window->n_fields;
            window->field_ends[window->n_fields++] = (uint16_t)i;
        }
    }
    /* the byte after a quote at the end of an incomplete block is unknown */
    return !inside && size % CSV_BLOCK && data[size - 1] == '"' ? size - 1 : size;
}

typedef void (*reader)(const uint8_t *, int64_t, uint8_t, csv_window *);

static void read_portably(const uint8_t *data, int64_t size, uint8_t delimiter,
                          csv_window *window)
{
    const int64_t length = size < CSV_WINDOW ? size : CSV_WINDOW;
    csv_read_window_by(data, length, delimiter, window, csv_masks_portable);
}

/* Compare a window with the one filled byte by byte. After an unescaped quote, fields may
 * be missing. */
static void test_window(const uint8_t *data, int64_t size, uint8_t delimiter,
                        reader read)
{
    static csv_window read_here, plain;
    const int64_t length = size < CSV_WINDOW ? size : CSV_WINDOW;
    const int64_t valid = fill_plainly(data, length, delimiter, &plain);
    read(data, size, delimiter, &read_here);
    /* the scanner stops before the block with the unescaped quote */
    while (valid < length && plain.n_fields > read_here.n_fields
           && plain.field_ends[plain.n_fields - 1] >= (valid & ~(CSV_BLOCK - 1)))
        plain.n_fields--;
    while (plain.n_records && plain.record_ends[plain.n_records - 1] >= plain.n_fields)
        plain.n_records--;
    if (read_here.n_fields != plain.n_fields || read_here.n_records != plain.n_records)
        abort();
    if (memcmp(read_here.field_ends, plain.field_ends,
               sizeof(uint16_t) * (size_t)plain.n_fields))
        abort();
    if (memcmp(read_here.record_ends, plain.record_ends,
               sizeof(uint16_t) * (size_t)plain.n_records))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    const uint8_t delimiter = data[0];
    test_next(data + 1, (int64_t)size - 1, delimiter);
    if (delimiter == 0 || delimiter == '"' || is_line_end(delimiter))
        return 0; /* these are not delimiters */
    test_window(data + 1, (int64_t)size - 1, delimiter, csv_read_window);
    test_window(data + 1, (int64_t)size - 1, delimiter, read_portably);
    return 0;
}
