/* Radix sort of pairs: 64-bit keys, each with a 32-bit value, in place.
 *
 * A digit is up to 8 neighbouring bits of a key. An array that is larger than the cache
 * is partitioned in place by the highest digit in which its keys differ (MSD). A smaller
 * array is sorted by each digit, from the lowest digit to the highest (LSD), with a
 * scratch buffer. The time is linear. The order of equal keys is not defined.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PAIR_SORT_BITS 8
#define PAIR_SORT_DIGITS (1 << PAIR_SORT_BITS)
/* This number of pairs and an equal scratch buffer fit in a second-level cache. */
#define PAIR_SORT_SCRATCH ((size_t)1 << 15)
/* For at most 32 pairs, insertion sort is the fastest. */
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

/* Return the smallest b for which all keys differ only in their lowest b bits. */
static int pairs_varied_bits(pairs array, size_t n)
{
    uint64_t varied = 0;
    int n_bits = 0;
    for (size_t i = 1; i < n; i++)
        varied |= array.keys[i] ^ array.keys[0];
    for (; varied; varied >>= 1)
        n_bits++;
    return n_bits;
}

static void pairs_sort_few(pairs array, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const uint64_t key = array.keys[i];
        const uint32_t value = array.values[i];
        size_t position = i;
        for (; position && array.keys[position - 1] > key; position--) {
            array.keys[position] = array.keys[position - 1];
            array.values[position] = array.values[position - 1];
        }
        array.keys[position] = key;
        array.values[position] = value;
    }
}

/* Write the pairs to `to`, sorted only by the n_bits bits of their keys from the bit
 * number `shift` on. Pairs that agree in these bits keep their order. */
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

/* Sort at most PAIR_SORT_SCRATCH pairs whose keys differ only in their n_bits lowest
 * bits. */
static void pairs_sort_cached(pairs array, size_t n, int n_bits, pair_scratch *scratch)
{
    const pairs copy = {scratch->keys, scratch->values};
    /* the number of passes is even, so the last pass writes to `array`, not to `copy` */
    const int n_passes = (n_bits + 2 * PAIR_SORT_BITS - 1) / (2 * PAIR_SORT_BITS) * 2;
    const int width = (n_bits + n_passes - 1) / n_passes;
    for (int pass = 0; pass < n_passes; pass += 2) {
        pairs_distribute(array, copy, n, pass * width, width);
        pairs_distribute(copy, array, n, (pass + 1) * width, width);
    }
}

/* Partition pairs in place by one digit: the 8 bits of each key from the bit number
 * `shift` on. Set end[d] to the end of the part whose keys have the digit d. */
static void pairs_partition(pairs array, size_t n, int shift, size_t *end)
{
    size_t next[PAIR_SORT_DIGITS], start = 0;
    for (size_t digit = 0; digit < PAIR_SORT_DIGITS; digit++)
        end[digit] = 0;
    for (size_t i = 0; i < n; i++)
        end[pairs_digit(array.keys[i], shift, PAIR_SORT_BITS)]++;
    for (size_t digit = 0; digit < PAIR_SORT_DIGITS; digit++) {
        next[digit] = start;
        end[digit] = start += end[digit];
    }
    /* Each swap moves one pair to its part. The loop then continues with the next i, not
     * with the pair that the swap moved to i. So no swap waits for the memory access of
     * the swap before it. The outer loop repeats until all pairs are in their parts. */
    for (int is_done = 0; !is_done;) {
        is_done = 1;
        for (size_t digit = 0; digit < PAIR_SORT_DIGITS; digit++) {
            is_done &= next[digit] == end[digit];
            for (size_t i = next[digit]; i < end[digit]; i++) {
                const uint64_t key = array.keys[i];
                const uint32_t value = array.values[i];
                const size_t position = next[pairs_digit(key, shift, PAIR_SORT_BITS)]++;
                array.keys[i] = array.keys[position];
                array.values[i] = array.values[position];
                array.keys[position] = key;
                array.values[position] = value;
            }
        }
    }
}

static void pairs_sort(pairs array, size_t n, pair_scratch *scratch)
{
    if (n <= PAIR_SORT_FEW) {
        pairs_sort_few(array, n);
        return;
    }
    const int n_bits = pairs_varied_bits(array, n);
    if (n_bits == 0)
        return;
    if (n <= PAIR_SORT_SCRATCH) {
        pairs_sort_cached(array, n, n_bits, scratch);
        return;
    }
    const int shift = n_bits > PAIR_SORT_BITS ? n_bits - PAIR_SORT_BITS : 0;
    size_t end[PAIR_SORT_DIGITS], start = 0;
    pairs_partition(array, n, shift, end);
    for (size_t digit = 0; digit < PAIR_SORT_DIGITS; start = end[digit++]) {
        const pairs part = {array.keys + start, array.values + start};
        pairs_sort(part, end[digit] - start, scratch);
    }
}
