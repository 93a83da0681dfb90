/* Exact index of 64-bit keys in flat arrays, and look-ups in the index and its filter.
 *
 * A key is split into two integers: high (key >> 16) and remainder (key & 0xFFFF).
 * Values of high that are close to each other form a run. Each value in a run is a
 * segment. The k highest bits of a remainder divide a segment into 1 << k slots. Each
 * run has its own k, so that all slots contain a similar number of entries. For each
 * slot, the directory contains the index of the first entry.
 *
 * The arrays may come from an altered file. Before a value from an array is used as an
 * index, it is compared with the length of the indexed array; if it is too large, the
 * look-up returns INDEX_DAMAGED.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "sbbf.h"

#define INDEX_ABSENT (-1)
#define INDEX_DAMAGED (-2)
#define INDEX_MAX_K 12
/* A run can contain this number of consecutive empty segments. More empty segments
 * would need more memory than a new run. */
#define INDEX_MAX_GAP 8
/* Integers below this are not keys, but codes of texts that are not phone numbers. */
#define INDEX_N_PLACEHOLDERS 64
/* A binary search stops when this number of remainders, one cache line, is left. */
#define INDEX_SCAN 32
/* When the filter has let through this number of keys, they are looked up together. */
#define INDEX_PENDING 64

typedef struct {
    uint64_t start; /* high << 16 | k, with the lowest high of the run */
    uint32_t first_slot;
    uint32_t n_segments;
} index_run;

typedef struct {
    const index_run *runs;
    const uint32_t *directory;
    const uint16_t *remainders;
    const void *codes;
    uint64_t n_runs;
    uint64_t n_slots; /* the directory has n_slots + 1 items */
    uint64_t n_entries;
    int code_bytes; /* 1, 2 or 4 */
} exact_index;

/* The entries from start to end - 1; start <= end. */
typedef struct {
    uint32_t start;
    uint32_t end;
} index_range;

/* The active codes: a look-up finds only codes whose flag is not 0. */
typedef struct {
    const uint8_t *flags;
    uint64_t n_codes;
} index_active;

typedef struct {
    uint64_t key;
    uint64_t slot;
    index_range range;
    size_t position; /* of the key in the caller's batch */
} index_candidate;

/* Return the k of a run. It is at most 15 even in a damaged file: k is a shift count. */
static inline int index_k(const index_run *run)
{
    return (int)(run->start & 0xF);
}

static inline uint32_t index_slot_in_segment(uint64_t key, int k)
{
    return (uint32_t)(key & 0xFFFF) >> (16 - k);
}

/* The last run that starts at or before a key; the first run if no run does. */
static inline const index_run *index_run_of(const exact_index *index, uint64_t key)
{
    const uint64_t last = key | 0xFFFF; /* not less than high << 16 | k, for any k */
    const index_run *run = index->runs;
    uint64_t n = index->n_runs;
    while (n > 1) {
        const uint64_t half = n / 2;
        run = run[half].start <= last ? run + half : run;
        n -= half;
    }
    return run;
}

/* The slot for a key; index->n_slots if there is no slot. */
static inline uint64_t index_slot_of(const exact_index *index, uint64_t key)
{
    if (index->n_runs == 0)
        return index->n_slots;
    const index_run *run = index_run_of(index, key);
    /* If the key is before the run, the unsigned difference is a very large number. */
    const uint64_t segment = (key >> 16) - (run->start >> 16);
    if (segment >= run->n_segments)
        return index->n_slots;
    const int k = index_k(run);
    const uint64_t slot =
        run->first_slot + (segment << k) + index_slot_in_segment(key, k);
    return slot < index->n_slots ? slot : index->n_slots;
}

/* Read the entries of a slot below n_slots; return INDEX_DAMAGED if they are
 * invalid. */
static inline int index_read_slot(const exact_index *index, uint64_t slot,
                                  index_range *range)
{
    range->start = index->directory[slot];
    range->end = index->directory[slot + 1];
    if (range->start > range->end || range->end > index->n_entries)
        return INDEX_DAMAGED;
    return 0;
}

/* Return the entries of one key within a slot. */
static inline index_range index_search(const exact_index *index, index_range slot,
                                       uint64_t key)
{
    const uint16_t wanted = (uint16_t)key;
    const uint16_t *remainders = index->remainders;
    uint32_t start = slot.start, end = slot.end, n_below = 0;
    while (end - start > INDEX_SCAN) {
        const uint32_t middle = start + (end - start) / 2;
        if (remainders[middle] < wanted)
            start = middle + 1;
        else
            end = middle;
    }
    /* count the smaller remainders: this loop has no branch and compiles to SIMD */
    for (uint32_t i = start; i < end; i++)
        n_below += remainders[i] < wanted;
    index_range found = {start + n_below, start + n_below};
    while (found.end < slot.end && remainders[found.end] == wanted)
        found.end++;
    return found;
}

static inline uint32_t index_code(const exact_index *index, uint64_t entry)
{
    switch (index->code_bytes) {
    case 1:
        return ((const uint8_t *)index->codes)[entry];
    case 2:
        return ((const uint16_t *)index->codes)[entry];
    default:
        return ((const uint32_t *)index->codes)[entry];
    }
}

static inline int32_t index_first_active(const exact_index *index, index_active active,
                                         index_range range)
{
    for (uint32_t entry = range.start; entry < range.end; entry++) {
        const uint32_t code = index_code(index, entry);
        if (code >= active.n_codes || code > INT32_MAX)
            return INDEX_DAMAGED;
        if (active.flags[code])
            return (int32_t)code;
    }
    return INDEX_ABSENT;
}

/* Find the entries of a key; return INDEX_DAMAGED if the arrays are invalid. */
static inline int index_find(const exact_index *index, uint64_t key, index_range *range)
{
    const uint64_t slot = index_slot_of(index, key);
    range->start = range->end = 0;
    if (slot == index->n_slots)
        return 0;
    if (index_read_slot(index, slot, range))
        return INDEX_DAMAGED;
    *range = index_search(index, *range, key);
    return 0;
}

static inline int32_t index_match(const exact_index *index, index_active active,
                                  uint64_t key)
{
    index_range range;
    if (index_find(index, key, &range))
        return INDEX_DAMAGED;
    return index_first_active(index, active, range);
}

/* Look up n keys together. Each loop prefetches the data that the next loop reads. */
static inline int index_resolve(const exact_index *index, index_active active,
                                index_candidate *candidates, size_t n,
                                int32_t *codes)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        candidates[kept] = candidates[i];
        candidates[kept].slot = index_slot_of(index, candidates[i].key);
        SBBF_PREFETCH(index->directory + candidates[kept].slot);
        kept += candidates[kept].slot != index->n_slots;
    }
    for (size_t i = 0; i < kept; i++) {
        index_range *range = &candidates[i].range;
        if (index_read_slot(index, candidates[i].slot, range))
            return INDEX_DAMAGED;
        /* a slot may be in two cache lines */
        SBBF_PREFETCH(index->remainders + range->start);
        SBBF_PREFETCH(index->remainders + range->end);
    }
    for (size_t i = 0; i < kept; i++) {
        index_range *range = &candidates[i].range;
        *range = index_search(index, *range, candidates[i].key);
        SBBF_PREFETCH((const char *)index->codes
                      + (size_t)range->start * (size_t)index->code_bytes);
    }
    for (size_t i = 0; i < kept; i++) {
        const int32_t code = index_first_active(index, active, candidates[i].range);
        if (code == INDEX_DAMAGED)
            return INDEX_DAMAGED;
        codes[candidates[i].position] = code;
    }
    return 0;
}

/* Set codes[i] to the first active code of keys[i], or to INDEX_ABSENT. Return
 * INDEX_DAMAGED if the arrays of the index are invalid. */
static inline int index_match_many(sbbf filter, const exact_index *index,
                                   index_active active, const uint64_t *keys, size_t n,
                                   int32_t *codes)
{
    index_candidate pending[INDEX_PENDING + SBBF_CHUNK];
    uint16_t passed[SBBF_CHUNK];
    size_t n_pending = 0;
    for (size_t i = 0; i < n; i++)
        codes[i] = INDEX_ABSENT;
    for (size_t done = 0; done < n; done += SBBF_CHUNK) {
        const size_t length = sbbf_chunk_length(done, n);
        const size_t n_passed = sbbf_passing(filter, keys + done, length, passed);
        for (size_t i = 0; i < n_passed; i++) {
            const size_t position = done + passed[i];
            pending[n_pending].key = keys[position];
            pending[n_pending].position = position;
            n_pending += keys[position] >= INDEX_N_PLACEHOLDERS;
        }
        if (n_pending < INDEX_PENDING)
            continue;
        if (index_resolve(index, active, pending, n_pending, codes))
            return INDEX_DAMAGED;
        n_pending = 0;
    }
    return index_resolve(index, active, pending, n_pending, codes);
}
