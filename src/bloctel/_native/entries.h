/* Collection of keys with periods: added in any order, then sorted and merged in place.
 *
 * A period is the days on which a list protects a key. It is stored as one integer: the
 * list in the highest 16 bits, the first day in 23 bits, and the end (the day after the
 * last day) in 24 bits. So periods in ascending order are sorted by list, then by day.
 * Each distinct period is stored once; its code is its index in the array of periods.
 * An entry is a key and the code of a period: 12 bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "pair_sort.h"
#include "xxh64.h"

#define PERIOD_END_BITS 24
#define PERIOD_DAY_BITS 47 /* the bits of the first day and of the end */
#define PERIODS_MAX ((uint32_t)1 << 31)
/* An array may grow to twice this number of items; its size must fit in a size_t. */
#define ENTRIES_MAX (SIZE_MAX / 2 / sizeof(uint64_t))
#define ENTRIES_FEW ((size_t)1 << 17)
#define ENTRIES_MANY ((size_t)1 << 23) /* 64 MB of keys, 32 MB of codes */

/* Set of periods: a hash table with open addressing. A slot contains a code plus 1, or 0
 * if it is free. At most half of the slots are used. */
typedef struct {
    uint64_t *periods;
    uint32_t *slots;
    uint32_t n;
    size_t n_slots; /* a power of two; the array `periods` has half this length */
} period_set;

typedef struct {
    pairs items;
    size_t n;
    size_t capacity;
    period_set periods;
} entries;

static inline uint64_t period_end(uint64_t period)
{
    return period & (((uint64_t)1 << PERIOD_END_BITS) - 1);
}

/* Return whether two periods are on the same list, and the later period starts before
 * `period` ends or on the day of its end. */
static inline int period_reaches(uint64_t period, uint64_t later)
{
    const uint64_t start =
        (later & (((uint64_t)1 << PERIOD_DAY_BITS) - 1)) >> PERIOD_END_BITS;
    return period >> PERIOD_DAY_BITS == later >> PERIOD_DAY_BITS
        && start <= period_end(period);
}

static inline uint64_t period_joined(uint64_t period, uint64_t later)
{
    const uint64_t end = period_end(period), other = period_end(later);
    return period - end + (end > other ? end : other);
}

/* Return the slot that contains a period; if there is none, the free slot for it. */
static inline uint32_t *period_slot(const period_set *set, uint64_t period)
{
    size_t slot = (size_t)xxh64_of_key(period) & (set->n_slots - 1);
    while (set->slots[slot] && set->periods[set->slots[slot] - 1] != period)
        slot = (slot + 1) & (set->n_slots - 1);
    return set->slots + slot;
}

static int periods_grow(period_set *set)
{
    const size_t n_slots = set->n_slots ? 2 * set->n_slots : 1024;
    uint64_t *periods = realloc(set->periods, n_slots / 2 * sizeof *periods);
    if (!periods)
        return 0;
    set->periods = periods;
    uint32_t *slots = calloc(n_slots, sizeof *slots);
    if (!slots)
        return 0;
    free(set->slots);
    set->slots = slots;
    set->n_slots = n_slots;
    for (uint32_t code = 0; code < set->n; code++)
        *period_slot(set, periods[code]) = code + 1;
    return 1;
}

/* Set *code to the code of a period, and add the period if it is new. Return 0 if there
 * are too many periods or not enough memory. */
static inline int periods_code(period_set *set, uint64_t period, uint32_t *code)
{
    if (set->n == set->n_slots / 2 && (set->n == PERIODS_MAX || !periods_grow(set)))
        return 0;
    uint32_t *slot = period_slot(set, period);
    if (!*slot) {
        set->periods[set->n] = period;
        *slot = ++set->n;
    }
    *code = *slot - 1;
    return 1;
}

/* Allocate memory for n more entries; return 0 if there is not enough memory. A capacity
 * above ENTRIES_FEW grows to ENTRIES_MANY in one step: the operating system can extend
 * so large an array without a copy, and pages that are not yet used need no memory. */
static int entries_reserve(entries *all, size_t n)
{
    if (n <= all->capacity - all->n)
        return 1;
    if (n > ENTRIES_MAX - all->n)
        return 0;
    size_t capacity = all->n + (n > all->n ? n : all->n);
    if (capacity > ENTRIES_FEW && capacity < ENTRIES_MANY)
        capacity = ENTRIES_MANY;
    uint64_t *keys = realloc(all->items.keys, capacity * sizeof *keys);
    if (!keys)
        return 0;
    all->items.keys = keys;
    uint32_t *codes = realloc(all->items.values, capacity * sizeof *codes);
    if (!codes)
        return 0;
    all->items.values = codes;
    all->capacity = capacity;
    return 1;
}

static int entries_add(entries *all, const uint64_t *keys, const uint64_t *periods,
                       size_t n)
{
    if (!entries_reserve(all, n))
        return 0;
    for (size_t i = 0; i < n; i++) {
        all->items.keys[all->n] = keys[i];
        if (!periods_code(&all->periods, periods[i], all->items.values + all->n))
            return 0;
        all->n++;
    }
    return 1;
}

/* Merge the periods of one key, whose entries have the indexes from first to last - 1.
 * Write the merged entries from the index *end on, and increase *end by their number. */
static int entries_join_key(entries *all, size_t first, size_t last, size_t *end,
                            pair_scratch *scratch)
{
    uint64_t *keys = all->items.keys;
    uint32_t *codes = all->items.values;
    const uint64_t key = keys[first];
    /* sort by period: during the sort, `keys` contains the periods of this key */
    for (size_t i = first; i < last; i++)
        keys[i] = all->periods.periods[codes[i]];
    const pairs array = {keys + first, codes + first};
    pairs_sort(array, last - first, scratch);
    uint64_t joined = keys[first];
    for (size_t i = first + 1; i <= last; i++) {
        const uint64_t next = i < last ? keys[i] : 0;
        if (i < last && period_reaches(joined, next)) {
            joined = period_joined(joined, next);
            continue;
        }
        if (!periods_code(&all->periods, joined, codes + *end))
            return 0;
        keys[(*end)++] = key;
        joined = next;
    }
    return 1;
}

/* Sort the entries by key, list and day. Merge periods of one key on one list if they
 * overlap or follow each other without a gap. Set *n_keys to the number of distinct
 * keys. Return 0 if there is not enough memory. */
static int entries_join(entries *all, pair_scratch *scratch, size_t *n_keys)
{
    const uint64_t *keys = all->items.keys;
    size_t end = 0;
    pairs_sort(all->items, all->n, scratch);
    *n_keys = 0;
    for (size_t first = 0, last; first < all->n; first = last) {
        const uint64_t key = keys[first];
        for (last = first + 1; last < all->n && keys[last] == key;)
            last++;
        ++*n_keys;
        if (last - first == 1) {
            all->items.keys[end] = key;
            all->items.values[end++] = all->items.values[first];
        } else if (!entries_join_key(all, first, last, &end, scratch)) {
            return 0;
        }
    }
    all->n = end;
    return 1;
}

static void entries_mark_used(const entries *all, uint8_t *used)
{
    for (size_t i = 0; i < all->n; i++)
        used[all->items.values[i]] = 1;
}

static void entries_recode(entries *all, const uint32_t *new_codes)
{
    for (size_t i = 0; i < all->n; i++)
        all->items.values[i] = new_codes[all->items.values[i]];
}

static void entries_free(entries *all)
{
    const entries none = {{NULL, NULL}, 0, 0, {NULL, NULL, 0, 0}};
    free(all->items.keys);
    free(all->items.values);
    free(all->periods.periods);
    free(all->periods.slots);
    *all = none;
}
