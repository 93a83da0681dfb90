/* Disjoint ranges of 64-bit keys, each with a code, and a bitmap that avoids searches.
 *
 * The bitmap, called gate, has one bit for each group of neighbouring keys: keys of the
 * same length in bits, with the same 15 highest bits. The bit of a group is 1 if any key
 * of the group has a code. For most keys the bit is 0, and no search is needed. The
 * 10^9 numbers of one country use 120 bytes of the bitmap, so it stays in the cache.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RANGES_NONE (-1)
/* Integers below this are not keys, but codes of texts that are not phone numbers. */
#define RANGES_FIRST_KEY 64
/* A double can represent all keys up to this limit exactly. */
#define RANGES_LAST_KEY ((uint64_t)1 << 53)
#define RANGES_FRACTION_BITS 14
#define RANGES_GATE_BITS ((uint64_t)1 << (RANGES_FRACTION_BITS + 4))
#define RANGES_CHUNK 256

typedef struct {
    const uint64_t *starts; /* the first key of each range, ascending from 0 */
    const int32_t *codes;   /* the code of each range; RANGES_NONE means no code */
    const uint8_t *gate;    /* RANGES_GATE_BITS bits */
    uint64_t n;             /* the number of ranges; a look-up needs at least one */
} key_ranges;

/* Return the group of a key: the highest bits of the key as a double. */
static inline uint64_t ranges_bucket(uint64_t key)
{
    const double value = (double)(int64_t)key;
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits >> (52 - RANGES_FRACTION_BITS);
}

/* In the gate, set the bits of the keys from first to last. */
static inline void ranges_open(uint8_t *gate, uint64_t first, uint64_t last)
{
    const uint64_t begin = ranges_bucket(first);
    uint64_t n = ranges_bucket(last) - begin + 1;
    n = n < RANGES_GATE_BITS ? n : RANGES_GATE_BITS;
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t bit = (begin + i) % RANGES_GATE_BITS;
        gate[bit / 8] |= (uint8_t)(1 << bit % 8);
    }
}

static inline int ranges_passes(const key_ranges *all, uint64_t key)
{
    const uint64_t bit = ranges_bucket(key) % RANGES_GATE_BITS;
    return all->gate[bit / 8] >> bit % 8 & 1;
}

static inline int32_t ranges_search(const key_ranges *all, uint64_t key)
{
    const uint64_t *start = all->starts;
    uint64_t n = all->n;
    while (n > 1) {
        const uint64_t half = n / 2;
        start = start[half] <= key ? start + half : start;
        n -= half;
    }
    return all->codes[start - all->starts];
}

static inline int32_t ranges_find(const key_ranges *all, uint64_t key)
{
    return ranges_passes(all, key) ? ranges_search(all, key) : RANGES_NONE;
}

/* Write the positions of the keys whose bit in the gate is 1. */
static inline size_t ranges_passing(const key_ranges *all, const uint64_t *keys,
                                    size_t n, uint16_t *passed)
{
    size_t n_passed = 0;
    for (size_t i = 0; i < n; i++) {
        passed[n_passed] = (uint16_t)i;
        n_passed += (size_t)ranges_passes(all, keys[i]);
    }
    return n_passed;
}

/* Replace each RANGES_NONE in codes by the code of its key. */
static inline void ranges_find_many(const key_ranges *all, const uint64_t *keys,
                                    size_t n, int32_t *codes)
{
    uint16_t passed[RANGES_CHUNK];
    for (size_t done = 0; done < n; done += RANGES_CHUNK) {
        const size_t length = n - done < RANGES_CHUNK ? n - done : RANGES_CHUNK;
        const size_t n_passed = ranges_passing(all, keys + done, length, passed);
        for (size_t i = 0; i < n_passed; i++) {
            const size_t position = done + passed[i];
            if (codes[position] == RANGES_NONE)
                codes[position] = ranges_search(all, keys[position]);
        }
    }
}
