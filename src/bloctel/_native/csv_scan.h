/* Search for the ends of CSV fields and records, in blocks of 64 bytes.
 *
 * Each block is compared with the four special bytes: the delimiter, the quote, the line
 * feed and the carriage return. The results are masks: 64-bit integers in which bit i
 * describes byte i of the block. `csv_next` finds the next special byte. `csv_read_window`
 * finds the ends of all fields in a window of 16 KiB, which is faster, but it cannot read
 * records longer than 16 KiB, or quotes in the middle of a field.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#error "bytes are read eight at a time, which works on little-endian machines only"
#endif

/* A build with BLOCTEL_NO_SIMD uses only the functions without SIMD; tests need it. */
#if !defined(BLOCTEL_NO_SIMD) && (defined(__SSE2__) || defined(_M_X64))
#define CSV_HAS_SSE2 1
#include <emmintrin.h>
#endif

#if defined(__GNUC__) && defined(__x86_64__) && !defined(BLOCTEL_NO_SIMD)
#define CSV_HAS_AVX2 1
#include <immintrin.h>
#endif

#ifdef _MSC_VER
#include <intrin.h>
#define CSV_INLINE static __forceinline
#else
#define CSV_INLINE static inline __attribute__((always_inline))
#endif

#define CSV_BLOCK 64

/* Masks of one block: bit i of `quotes` is 1 if byte i of the block is a quote. */
typedef struct {
    uint64_t delimiters;
    uint64_t line_feeds;
    uint64_t carriage_returns;
    uint64_t quotes;
} csv_masks;

typedef csv_masks (*csv_masker)(const uint8_t *block, uint8_t delimiter);

static inline int csv_lowest_bit(uint64_t mask)
{
#ifdef _MSC_VER
    unsigned long index;
    _BitScanForward64(&index, mask);
    return (int)index;
#else
    return __builtin_ctzll(mask);
#endif
}

static inline int csv_count_bits(uint64_t mask)
{
    mask -= (mask >> 1) & UINT64_C(0x5555555555555555);
    mask = (mask & UINT64_C(0x3333333333333333))
        + ((mask >> 2) & UINT64_C(0x3333333333333333));
    mask = (mask + (mask >> 4)) & UINT64_C(0x0F0F0F0F0F0F0F0F);
    return (int)((mask * UINT64_C(0x0101010101010101)) >> 56);
}

/* Return eight bits: bit i is 1 if byte i of `word` is equal to `byte`. */
static inline uint64_t csv_equal_bytes(uint64_t word, uint8_t byte)
{
    const uint64_t low = UINT64_C(0x7F7F7F7F7F7F7F7F);
    const uint64_t zeros = word ^ (UINT64_C(0x0101010101010101) * byte);
    const uint64_t found = ~(((zeros & low) + low) | zeros | low);
    return ((found >> 7) * UINT64_C(0x0102040810204080)) >> 56;
}

CSV_INLINE csv_masks csv_masks_portable(const uint8_t *block, uint8_t delimiter)
{
    csv_masks masks = {0, 0, 0, 0};
    for (int i = 0; i < CSV_BLOCK; i += 8) {
        uint64_t word;
        memcpy(&word, block + i, sizeof word);
        masks.delimiters |= csv_equal_bytes(word, delimiter) << i;
        masks.line_feeds |= csv_equal_bytes(word, '\n') << i;
        masks.carriage_returns |= csv_equal_bytes(word, '\r') << i;
        masks.quotes |= csv_equal_bytes(word, '"') << i;
    }
    return masks;
}

#ifdef CSV_HAS_SSE2
static inline uint64_t csv_equal_sse2(__m128i part, uint8_t byte)
{
    const __m128i equal = _mm_cmpeq_epi8(part, _mm_set1_epi8((char)byte));
    return (uint64_t)(uint32_t)_mm_movemask_epi8(equal);
}

CSV_INLINE csv_masks csv_masks_sse2(const uint8_t *block, uint8_t delimiter)
{
    csv_masks masks = {0, 0, 0, 0};
    for (int i = 0; i < CSV_BLOCK; i += 16) {
        const __m128i part = _mm_loadu_si128((const __m128i *)(block + i));
        masks.delimiters |= csv_equal_sse2(part, delimiter) << i;
        masks.line_feeds |= csv_equal_sse2(part, '\n') << i;
        masks.carriage_returns |= csv_equal_sse2(part, '\r') << i;
        masks.quotes |= csv_equal_sse2(part, '"') << i;
    }
    return masks;
}
#define csv_masks_always csv_masks_sse2
#else
#define csv_masks_always csv_masks_portable
#endif

#ifdef CSV_HAS_AVX2
__attribute__((target("avx2"))) static inline uint64_t
csv_equal_avx2(__m256i part, uint8_t byte)
{
    const __m256i equal = _mm256_cmpeq_epi8(part, _mm256_set1_epi8((char)byte));
    return (uint64_t)(uint32_t)_mm256_movemask_epi8(equal);
}

__attribute__((target("avx2"))) static inline csv_masks
csv_masks_avx2(const uint8_t *block, uint8_t delimiter)
{
    csv_masks masks = {0, 0, 0, 0};
    for (int i = 0; i < CSV_BLOCK; i += 32) {
        const __m256i part = _mm256_loadu_si256((const __m256i *)(block + i));
        masks.delimiters |= csv_equal_avx2(part, delimiter) << i;
        masks.line_feeds |= csv_equal_avx2(part, '\n') << i;
        masks.carriage_returns |= csv_equal_avx2(part, '\r') << i;
        masks.quotes |= csv_equal_avx2(part, '"') << i;
    }
    return masks;
}
#endif

/* Return the masks of the block at the offset `at`. The last block may be incomplete: it
 * is copied and filled with zeros, because memory after the data must not be read. */
CSV_INLINE csv_masks csv_masks_at(const uint8_t *data, int64_t size, int64_t at,
                                  uint8_t delimiter, csv_masker masker)
{
    uint8_t padded[CSV_BLOCK] = {0};
    if (size - at >= CSV_BLOCK)
        return masker(data + at, delimiter);
    memcpy(padded, data + at, (size_t)(size - at));
    return masker(padded, delimiter);
}

enum { CSV_FIELD_END, CSV_RECORD_END_OR_QUOTE, CSV_QUOTE, CSV_KINDS };

typedef struct {
    const uint8_t *data;
    int64_t size;
    int64_t block; /* offset of the block that `masks` describes; -1 at the start */
    uint64_t masks[CSV_KINDS];
    uint8_t delimiter;
} csv_scan;

static inline void csv_load_block(csv_scan *scan, int64_t block)
{
    const csv_masks masks =
        csv_masks_at(scan->data, scan->size, block, scan->delimiter, csv_masks_always);
    const uint64_t lines = masks.line_feeds | masks.carriage_returns;
    scan->block = block;
    scan->masks[CSV_FIELD_END] = lines | masks.delimiters;
    scan->masks[CSV_RECORD_END_OR_QUOTE] = lines | masks.quotes;
    scan->masks[CSV_QUOTE] = masks.quotes;
}

/* Return the offset of the first byte of a kind (such as CSV_QUOTE) at `from` or later.
 * If there is none, return the size of the data. */
static inline int64_t csv_next(csv_scan *scan, int kind, int64_t from)
{
    while (from < scan->size) {
        const int64_t block = from & ~(int64_t)(CSV_BLOCK - 1);
        if (block != scan->block)
            csv_load_block(scan, block);
        const uint64_t mask = scan->masks[kind] >> (from & (CSV_BLOCK - 1));
        if (mask)
            return from + csv_lowest_bit(mask);
        from = block + CSV_BLOCK;
    }
    return scan->size;
}

#ifndef CSV_WINDOW /* in bytes; at most 64 KiB, because an offset is a uint16 */
#define CSV_WINDOW (16 * 1024)
#endif

/* Offsets in a window, and space for extra items that csv_write_positions writes. */
typedef uint16_t csv_positions[CSV_WINDOW + CSV_BLOCK];

/* The fields and records that end in a window; a window starts with a record. */
typedef struct {
    csv_positions field_ends;  /* offsets of the bytes that end a field */
    csv_positions record_ends; /* for each record, the index of its last field */
    int32_t n_fields;
    int32_t n_records;
    int has_quotes;
} csv_window;

/* Facts about the end of a block that are needed to read the following block. */
typedef struct {
    uint64_t in_quotes;     /* all bits are 1 if the block ends inside quotes */
    uint64_t after_edge;    /* 1 if a quote in the next byte can open a field */
    uint64_t after_closing; /* 1 if the last byte is a closing quote */
    uint64_t after_return;  /* 1 if the last byte is a carriage return */
} csv_carry;

/* Write base + i for each bit i of a mask that is 1, and return how many. Always eight
 * items are written at a time, because a loop of fixed length is faster. */
CSV_INLINE int csv_write_positions(uint16_t *positions, int64_t base, uint64_t mask)
{
    const int count = csv_count_bits(mask);
    for (int done = 0; done < count; done += 8)
        for (int i = done; i < done + 8; i++) {
            positions[i] = (uint16_t)(base + csv_lowest_bit(mask | UINT64_C(1) << 63));
            mask &= mask - 1;
        }
    return count;
}

/* Return a mask whose bit i is 1 if an odd number of the bits 0 to i of `mask` are 1. */
static inline uint64_t csv_parity(uint64_t mask)
{
    for (int shift = 1; shift < CSV_BLOCK; shift *= 2)
        mask ^= mask << shift;
    return mask;
}

/* Set bit i of `inside` to 1 if byte i is inside a quoted field. Return 1 if each quote
 * of the block opens or closes a field, or belongs to a pair that stands for one quote. */
CSV_INLINE int csv_read_quotes(const csv_masks *masks, csv_carry *carry, uint64_t *inside)
{
    const uint64_t edges = masks->delimiters | masks->line_feeds
        | masks->carriage_returns | masks->quotes;
    if (!(masks->quotes | carry->in_quotes | carry->after_closing)) {
        *inside = 0;
        carry->after_edge = edges >> 63;
        return 1;
    }
    *inside = csv_parity(masks->quotes) ^ carry->in_quotes;
    const uint64_t opening = masks->quotes & *inside;
    const uint64_t closing = masks->quotes & ~*inside;
    const uint64_t before = edges << 1 | carry->after_edge;
    const uint64_t after_closing = closing << 1 | carry->after_closing;
    carry->in_quotes = UINT64_C(0) - (*inside >> 63);
    carry->after_edge = edges >> 63;
    carry->after_closing = closing >> 63;
    return !((opening & ~before) | (after_closing & ~edges));
}

CSV_INLINE void csv_read_window_by(const uint8_t *data, int64_t size, uint8_t delimiter,
                                   csv_window *window, csv_masker masker)
{
    csv_carry carry = {0, 1, 0, 0};
    window->n_fields = window->n_records = window->has_quotes = 0;
    for (int64_t at = 0; at < size; at += CSV_BLOCK) {
        const csv_masks masks = csv_masks_at(data, size, at, delimiter, masker);
        const uint64_t returns = masks.carriage_returns;
        uint64_t inside;
        if (!csv_read_quotes(&masks, &carry, &inside))
            return;
        window->has_quotes |= masks.quotes != 0;
        /* in a pair CR LF, the CR ends the record, and the LF is ignored */
        const uint64_t pairs = masks.line_feeds & (returns << 1 | carry.after_return);
        const uint64_t lines = (masks.line_feeds | returns) & ~pairs & ~inside;
        const uint64_t ends = lines | (masks.delimiters & ~inside);
        carry.after_return = returns >> 63;
        uint16_t *record_ends = window->record_ends + window->n_records;
        const int n_lines = csv_write_positions(record_ends, 0, lines);
        for (int i = 0; i < n_lines; i++)
            record_ends[i] = (uint16_t)(window->n_fields + csv_count_bits(
                ends & ((UINT64_C(1) << record_ends[i]) - 1)));
        window->n_fields +=
            csv_write_positions(window->field_ends + window->n_fields, at, ends);
        window->n_records += n_lines;
    }
}

static void csv_read_window_always(const uint8_t *data, int64_t size, uint8_t delimiter,
                                   csv_window *window)
{
    csv_read_window_by(data, size, delimiter, window, csv_masks_always);
}

#ifdef CSV_HAS_AVX2
__attribute__((target("avx2"))) static void
csv_read_window_avx2(const uint8_t *data, int64_t size, uint8_t delimiter,
                     csv_window *window)
{
    csv_read_window_by(data, size, delimiter, window, csv_masks_avx2);
}
#endif

/* Find the fields and records of the window at `data`, where a record starts. The caller
 * must start the next window after the last record that this window contains. */
static inline void csv_read_window(const uint8_t *data, int64_t size, uint8_t delimiter,
                                   csv_window *window)
{
    const int64_t length = size < CSV_WINDOW ? size : CSV_WINDOW;
#ifdef CSV_HAS_AVX2
    if (__builtin_cpu_supports("avx2")) {
        csv_read_window_avx2(data, length, delimiter, window);
        return;
    }
#endif
    csv_read_window_always(data, length, delimiter, window);
}
