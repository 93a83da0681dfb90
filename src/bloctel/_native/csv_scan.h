/* Where the bytes stand that can end a CSV field, found 64 bytes at a time.
 *
 * A block of 64 bytes is compared once with the delimiter, the quote and the two
 * line-ending bytes; the answers are kept as bit masks, so that each "where is the
 * next ...?" inside the block costs a shift and a count of trailing zeros.
 */
#ifndef BLOCTEL_CSV_SCAN_H
#define BLOCTEL_CSV_SCAN_H

#include <stdint.h>
#include <string.h>

#if !defined(BLOCTEL_NO_SIMD) && (defined(__SSE2__) || defined(_M_X64))
#define BLOCTEL_CSV_SSE2
#include <emmintrin.h>
#endif

#ifdef _MSC_VER
#include <intrin.h>
#endif

enum { CSV_FIELD_END, CSV_RECORD_END_OR_QUOTE, CSV_QUOTE, CSV_MASKS };

typedef struct {
    const uint8_t *data;
    int64_t size;
    int64_t block; /* offset of the block the masks speak of, -1 before the first */
    uint64_t masks[CSV_MASKS];
    uint8_t delimiter;
} csv_scan;

static inline int csv_lowest_bit(uint64_t mask) {
#ifdef _MSC_VER
    unsigned long index;
    _BitScanForward64(&index, mask);
    return (int)index;
#else
    return __builtin_ctzll(mask);
#endif
}

#ifdef BLOCTEL_CSV_SSE2

static inline void csv_mask_block(csv_scan *scan, const uint8_t *bytes) {
    const __m128i delimiter = _mm_set1_epi8((char)scan->delimiter);
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i line_feed = _mm_set1_epi8('\n');
    const __m128i carriage_return = _mm_set1_epi8('\r');
    uint64_t masks[CSV_MASKS] = {0, 0, 0};
    for (int i = 0; i < 64; i += 16) {
        const __m128i part = _mm_loadu_si128((const __m128i *)(bytes + i));
        const __m128i quotes = _mm_cmpeq_epi8(part, quote);
        const __m128i lines = _mm_or_si128(_mm_cmpeq_epi8(part, line_feed),
                                           _mm_cmpeq_epi8(part, carriage_return));
        const __m128i ends = _mm_or_si128(lines, _mm_cmpeq_epi8(part, delimiter));
        const __m128i stops = _mm_or_si128(lines, quotes);
        masks[CSV_FIELD_END] |= (uint64_t)(uint32_t)_mm_movemask_epi8(ends) << i;
        masks[CSV_RECORD_END_OR_QUOTE] |= (uint64_t)(uint32_t)_mm_movemask_epi8(stops)
                                          << i;
        masks[CSV_QUOTE] |= (uint64_t)(uint32_t)_mm_movemask_epi8(quotes) << i;
    }
    memcpy(scan->masks, masks, sizeof masks);
}

#else

static inline void csv_mask_block(csv_scan *scan, const uint8_t *bytes) {
    uint64_t masks[CSV_MASKS] = {0, 0, 0};
    for (int i = 0; i < 64; i++) {
        const uint64_t quote = bytes[i] == '"';
        const uint64_t line = (bytes[i] == '\n') | (bytes[i] == '\r');
        const uint64_t delimiter = bytes[i] == scan->delimiter;
        masks[CSV_FIELD_END] |= (line | delimiter) << i;
        masks[CSV_RECORD_END_OR_QUOTE] |= (line | quote) << i;
        masks[CSV_QUOTE] |= quote << i;
    }
    memcpy(scan->masks, masks, sizeof masks);
}

#endif

static inline void csv_load_block(csv_scan *scan, int64_t block) {
    scan->block = block;
    if (scan->size - block >= 64) {
        csv_mask_block(scan, scan->data + block);
        return;
    }
    /* The last block is padded with zeros, which are nothing special: no byte
     * beyond the buffer is ever read. */
    uint8_t tail[64] = {0};
    memcpy(tail, scan->data + block, (size_t)(scan->size - block));
    csv_mask_block(scan, tail);
}

/* The first position >= from whose byte is of that kind, or the size. */
static inline int64_t csv_next(csv_scan *scan, int kind, int64_t from) {
    while (from < scan->size) {
        const int64_t block = from & ~(int64_t)63;
        if (block != scan->block) csv_load_block(scan, block);
        const uint64_t mask = scan->masks[kind] >> (from & 63);
        if (mask) return from + csv_lowest_bit(mask);
        from = block + 64;
    }
    return scan->size;
}

#endif
