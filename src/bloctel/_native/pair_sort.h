/* Sorting 64-bit keys, each with a 32-bit value, in place.
 *
 * A radix sort: stretches too long for the cache are dealt out in place by the highest
 * byte in which their keys differ; shorter ones are sorted from the lowest digit up,
 * by way of a scratch pad. The time is linear whatever the keys are. Equal keys keep
 * no particular order.
 */
#ifndef BLOCTEL_PAIR_SORT_H
#define BLOCTEL_PAIR_SORT_H

#include <stddef.h>
#include <stdint.h>

#define PAIR_SORT_BITS 8
#define PAIR_SORT_DIGITS (1 << PAIR_SORT_BITS)
/* As many pairs fit a second-level cache, with their copy on the scratch pad. */
#define PAIR_SORT_SCRATCH ((size_t)1 << 15)
/* So few pairs are sorted soonest by insertion. */
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

/* How many low bits of the keys are not the same in all of them. */
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
        size_t place = i;
        for (; place && these.keys[place - 1] > key; place--) {
            these.keys[place] = these.keys[place - 1];
            these.values[place] = these.values[place - 1];
        }
        these.keys[place] = key;
        these.values[place] = value;
    }
}

/* Write pairs in the order of one digit, those with the same one as they were. */
static void pairs_deal(pairs from, pairs to, size_t n, int shift, int n_bits)
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
        const size_t place = next[pairs_digit(from.keys[i], shift, n_bits)]++;
        to.keys[place] = from.keys[i];
        to.values[place] = from.values[i];
    }
}

/* Sort at most PAIR_SORT_SCRATCH pairs that differ in their low n_bits, from 1 to 64. */
static void pairs_sort_cached(pairs these, size_t n, int n_bits, pair_scratch *scratch)
{
    const pairs there = {scratch->keys, scratch->values};
    /* an even number of passes, so that the last one ends here */
    const int n_passes = (n_bits + 2 * PAIR_SORT_BITS - 1) / (2 * PAIR_SORT_BITS) * 2;
    const int width = (n_bits + n_passes - 1) / n_passes;
    for (int pass = 0; pass < n_passes; pass += 2) {
        pairs_deal(these, there, n, pass * width, width);
        pairs_deal(there, these, n, (pass + 1) * width, width);
    }
}

/* Deal pairs out in place by the byte at shift; end[digit] becomes where each ends. */
static void pairs_deal_in_place(pairs these, size_t n, int shift, size_t *end)
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
    /* Each swap takes one pair to its place. Going on to the next pair, rather than to
     * the one that came back, leaves swaps independent: their misses overlap. */
    for (int is_dealt = 0; !is_dealt;) {
        is_dealt = 1;
        for (size_t digit = 0; digit < PAIR_SORT_DIGITS; digit++) {
            is_dealt &= next[digit] == end[digit];
            for (size_t i = next[digit]; i < end[digit]; i++) {
                const uint64_t key = these.keys[i];
                const uint32_t value = these.values[i];
                const size_t place = next[pairs_digit(key, shift, PAIR_SORT_BITS)]++;
                these.keys[i] = these.keys[place];
                these.values[i] = these.values[place];
                these.keys[place] = key;
                these.values[place] = value;
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
    pairs_deal_in_place(these, n, shift, end);
    for (size_t digit = 0; digit < PAIR_SORT_DIGITS; start = end[digit++]) {
        const pairs part = {these.keys + start, these.values + start};
        pairs_sort(part, end[digit] - start, scratch);
    }
}

#endif
