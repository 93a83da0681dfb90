/* Map from ranges of keys to codes, and a bitmap that avoids most searches.
 *
 * A code is an integer that stands for a prefix rule. Each range ends before the next
 * range. The bitmap has one bit for each group of neighbouring keys: keys with the same
 * number of bits and the same 15 highest bits. The bit is 1 if a key of the group has a
 * code. For most keys the bit is 0, and no search is needed. The 10^9 numbers of one
 * country use 120 bytes of the bitmap, so these bytes stay in the processor's cache.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RANGES_NONE (-1)
/* Integers below 64 are not keys: they stand for texts that are not phone numbers. */
#define RANGES_FIRST_KEY 64
/* The type double represents all integers up to this limit exactly. */
#define RANGES_LAST_KEY ((uint64_t)1 << 53)
#define RANGES_FRACTION_BITS 14
#define RANGES_BITMAP_BITS ((uint64_t)1 << (RANGES_FRACTION_BITS + 4))
#define RANGES_CHUNK 256

typedef struct {
    const uint64_t *starts; /* the first key of each range, ascending from 0 */
    const int32_t *codes;   /* the code of each range, or RANGES_NONE */
    const uint8_t *bitmap;  /* RANGES_BITMAP_BITS bits */
    uint64_t n;             /* the number of ranges, at least 1 */
} key_ranges;

/* Return the number of the group of a key. As a double, a key has an exponent (its count
 * of bits) and a fraction (its highest bits without the first). */
static inline uint64_t ranges_group(uint64_t key)
{
    const double value = (double)(int64_t)key;
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits >> (52 - RANGES_FRACTION_BITS);
}

/* Set the bits of all groups that contain a key from `first` to `last`. */
static inline void ranges_set_bits(uint8_t *bitmap, uint64_t first, uint64_t last)
{
    const uint64_t begin = ranges_group(first);
    uint64_t n = ranges_group(last) - begin + 1;
    n = n < RANGES_BITMAP_BITS ? n : RANGES_BITMAP_BITS;
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t bit = (begin + i) % RANGES_BITMAP_BITS;
        bitmap[bit / 8] |= (uint8_t)(1 << bit % 8);
    }
}

static inline int ranges_bit(const key_ranges *all, uint64_t key)
{
    const uint64_t bit = ranges_group(key) % RANGES_BITMAP_BITS;
    return all->bitmap[bit / 8] >> bit % 8 & 1;
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
    return ranges_bit(all, key) ? ranges_search(all, key) : RANGES_NONE;
}

/* Write to `passed` each i for which the bit of keys[i] is 1; return how many. */
static inline size_t ranges_passing(const key_ranges *all, const uint64_t *keys,
                                    size_t n, uint16_t *passed)
{
    size_t n_passed = 0;
    for (size_t i = 0; i < n; i++) {
        passed[n_passed] = (uint16_t)i;
        n_passed += (size_t)ranges_bit(all, keys[i]);
    }
    return n_passed;
}

/* If codes[i] is RANGES_NONE, set it to the code of keys[i]. */
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
