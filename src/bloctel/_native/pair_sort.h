/* Radix sort of 64-bit keys, each with a 32-bit value, in place.
 *
 * Ranges that do not fit in the cache are partitioned in place by the highest byte in
 * which their keys differ (MSD). Shorter ranges are sorted by each digit, from the
 * lowest digit to the highest (LSD), with a scratch buffer. The time is linear. The
 * order of equal keys is not defined.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PAIR_SORT_BITS 8
#define PAIR_SORT_DIGITS (1 << PAIR_SORT_BITS)
/* This number of pairs, with a copy in the scratch buffer, fits in a second-level
 * cache. */
#define PAIR_SORT_SCRATCH ((size_t)1 << 15)
/* Up to this number of pairs, insertion sort is the fastest. */
#define PAIR_SORT_FEW 32

typedef struct {
    uint64_t *keys;
    uint32_t *values;
} pairs;

typedef struct {
    uint64_t keys[PAIR_SORT_SCRATCH];
    uint32_t values[PAIR_SORT_SCRATCH];
} pair_scratch;

static inline size_t pairs_digit(uint64_t key, int shift, int n_bits)
{
    return (size_t)(key >> shift) & (((size_t)1 << n_bits) - 1);
}

/* The number of low bits in which the keys differ. */
static int pairs_varied_bits(pairs these, size_t n)
{
    uint64_t varied = 0;
    int n_bits = 0;
    for (size_t i = 1; i < n; i++)
        varied |= these.keys[i] ^ these.keys[0];
    for (; varied; varied >>= 1)
        n_bits++;
    return n_bits;
}

static void pairs_sort_few(pairs these, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const uint64_t key = these.keys[i];
        const uint32_t value = these.values[i];
        size_t position = i;
        for (; position && these.keys[position - 1] > key; position--) {
            these.keys[position] = these.keys[position - 1];
            these.values[position] = these.values[position - 1];
        }
        these.keys[position] = key;
        these.values[position] = value;
    }
}

/* Write the pairs, sorted by n_bits bits of their keys; the sort is stable. */
static void pairs_distribute(pairs from, pairs to, size_t n, int shift, int n_bits)
{
    size_t next[PAIR_SORT_DIGITS] = {0}, start = 0;
    for (size_t i = 0; i < n; i++)
        next[pairs_digit(from.keys[i], shift, n_bits)]++;
    for (size_t digit = 0; digit < (size_t)1 << n_bits; digit++) {
        const size_t length = next[digit];
        next[digit] = start;
        start += length;
    }
    for (size_t i = 0; i < n; i++) {
        const size_t position = next[pairs_digit(from.keys[i], shift, n_bits)]++;
        to.keys[position] = from.keys[i];
        to.values[position] = from.values[i];
    }
}

/* Sort at most PAIR_SORT_SCRATCH pairs that differ in their low n_bits, from 1 to
 * 64. */
static void pairs_sort_cached(pairs these, size_t n, int n_bits, pair_scratch *scratch)
{
    const pairs copy = {scratch->keys, scratch->values};
    /* an even number of passes: the last pass writes to `these`, not to the copy */
    const int n_passes = (n_bits + 2 * PAIR_SORT_BITS - 1) / (2 * PAIR_SORT_BITS) * 2;
    const int width = (n_bits + n_passes - 1) / n_passes;
    for (int pass = 0; pass < n_passes; pass += 2) {
        pairs_distribute(these, copy, n, pass * width, width);
        pairs_distribute(copy, these, n, (pass + 1) * width, width);
    }
}

/* Partition pairs in place by one byte of their keys, the 8 bits at `shift`. Set end[b]
 * to the end of the part whose byte is b. */
static void pairs_partition(pairs these, size_t n, int shift, size_t *end)
{
    size_t next[PAIR_SORT_DIGITS], start = 0;
    for (size_t digit = 0; digit < PAIR_SORT_DIGITS; digit++)
        end[digit] = 0;
    for (size_t i = 0; i < n; i++)
        end[pairs_digit(these.keys[i], shift, PAIR_SORT_BITS)]++;
    for (size_t digit = 0; digit < PAIR_SORT_DIGITS; digit++) {
        next[digit] = start;
        end[digit] = start += end[digit];
    }
    /* Each swap moves a pair to its part. The loop continues with the next pair, not
     * with the swapped pair: then swaps are independent, and their cache misses
     * overlap. */
    for (int is_done = 0; !is_done;) {
        is_done = 1;
        for (size_t digit = 0; digit < PAIR_SORT_DIGITS; digit++) {
            is_done &= next[digit] == end[digit];
            for (size_t i = next[digit]; i < end[digit]; i++) {
                const uint64_t key = these.keys[i];
                const uint32_t value = these.values[i];
                const size_t position = next[pairs_digit(key, shift, PAIR_SORT_BITS)]++;
                these.keys[i] = these.keys[position];
                these.values[i] = these.values[position];
                these.keys[position] = key;
                these.values[position] = value;
            }
        }
    }
}

static void pairs_sort(pairs these, size_t n, pair_scratch *scratch)
{
    if (n <= PAIR_SORT_FEW) {
        pairs_sort_few(these, n);
        return;
    }
    const int n_bits = pairs_varied_bits(these, n);
    if (n_bits == 0)
        return;
    if (n <= PAIR_SORT_SCRATCH) {
        pairs_sort_cached(these, n, n_bits, scratch);
        return;
    }
    const int shift = n_bits > PAIR_SORT_BITS ? n_bits - PAIR_SORT_BITS : 0;
    size_t end[PAIR_SORT_DIGITS], start = 0;
    pairs_partition(these, n, shift, end);
    for (size_t digit = 0; digit < PAIR_SORT_DIGITS; start = end[digit++]) {
        const pairs part = {these.keys + start, these.values + start};
        pairs_sort(part, end[digit] - start, scratch);
    }
}
