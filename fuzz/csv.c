/* libFuzzer on the search for what ends a CSV field, beside the plainest search. */
#include <stdlib.h>

#include "csv_scan.h"

static int is_kind(uint8_t byte, int kind, uint8_t delimiter)
{
    const int is_line = byte == '\n' || byte == '\r';
    switch (kind) {
    case CSV_FIELD_END:
        return is_line || byte == delimiter;
    case CSV_RECORD_END_OR_QUOTE:
        return is_line || byte == '"';
    default:
        return byte == '"';
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    csv_scan scan = {
        .data = data + 1, .size = (int64_t)size - 1, .block = -1, .delimiter = data[0]};
    for (int kind = 0; kind < CSV_MASKS; kind++) {
        int64_t from = 0;
        while (from <= scan.size) {
            int64_t plain = from;
            while (plain < scan.size && !is_kind(scan.data[plain], kind, data[0]))
                plain++;
            if (csv_next(&scan, kind, from) != plain)
                abort();
            from = plain + 1;
        }
    }
    return 0;
}
