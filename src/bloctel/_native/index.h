/* Exact index: a map from 64-bit keys to codes, and look-ups that read a filter first.
 *
 * An entry of the index is a pair of a key and a code (an integer that stands for a
 * period). A key has one entry for each of its codes. Entries are sorted by key. To find
 * the entries of a key, the index splits the key into two numbers:
 *
 * - high: the key without its lowest 16 bits (key >> 16);
 * - remainder: the lowest 16 bits (key & 0xFFFF). Only the remainders are stored.
 *
 * A run is a range of high values in which most values have keys. All keys with the same
 * high are a segment of the run. A segment is divided into 1 << slot_bits slots: the
 * slot_bits highest bits of the remainder select the slot. Each run has its own
 * slot_bits, so that all slots have a similar number of entries. For each slot, the
 * array `directory` contains the number of its first entry.
 *
 * The arrays may come from an altered file. Before a value from an array is used as an
 * offset, it is compared with the length of the other array. If the value is too large,
 * the look-up returns INDEX_DAMAGED.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "sbbf.h"

#define INDEX_ABSENT (-1)
#define INDEX_DAMAGED (-2)
#define INDEX_MAX_SLOT_BITS 12
/* The highest number of successive empty segments in a run. If more segments are empty,
 * a new run starts, because a new run then needs less memory. */
#define INDEX_MAX_GAP 8
/* Integers below 64 are not keys: they stand for texts that are not phone numbers. */
#define INDEX_FIRST_KEY 64
/* A binary search stops when 32 remainders (64 bytes, one cache line) are left. */
#define INDEX_SCAN 32
/* Keys that are perhaps in the filter are collected and then looked up together. */
#define INDEX_PENDING 64

typedef struct {
    uint64_t start; /* high << 16 | slot_bits; high is the lowest high of the run */
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

/* The entries with the numbers from start to end - 1; start <= end. */
typedef struct {
    uint32_t start;
    uint32_t end;
} index_range;

/* A code is active if its period includes the requested day: flags[code] is then not 0.
 * A look-up finds only active codes. */
typedef struct {
    const uint8_t *flags;
    uint64_t n_codes;
} index_active;

typedef struct {
    uint64_t key;
    uint64_t slot;
    index_range range;
    size_t position; /* the caller's array has the key at this index */
} index_candidate;

/* Return slot_bits of a run: at most 15 even in a damaged file, because a shift by a
 * larger number is not defined in C. */
static inline int index_slot_bits(const index_run *run)
{
    return (int)(run->start & 0xF);
}

static inline uint32_t index_slot_in_segment(uint64_t key, int slot_bits)
{
    return (uint32_t)(key & 0xFFFF) >> (16 - slot_bits);
}

/* Return the last run that starts at or before a key; the first run if there is none. */
static inline const index_run *index_run_of(const exact_index *index, uint64_t key)
{
    const uint64_t last = key | 0xFFFF; /* start <= last: the run's high <= the key's */
    const index_run *run = index->runs;
    uint64_t n = index->n_runs;
    while (n > 1) {
        const uint64_t half = n / 2;
        run = run[half].start <= last ? run + half : run;
        n -= half;
    }
    return run;
}

/* Return the slot of a key; index->n_slots if the key is in no run. */
static inline uint64_t index_slot_of(const exact_index *index, uint64_t key)
{
    if (index->n_runs == 0)
        return index->n_slots;
    const index_run *run = index_run_of(index, key);
    /* if the key is before the run, the unsigned difference is a very large number */
    const uint64_t segment = (key >> 16) - (run->start >> 16);
    if (segment >= run->n_segments)
        return index->n_slots;
    const int slot_bits = index_slot_bits(run);
    const uint64_t slot =
        run->first_slot + (segment << slot_bits) + index_slot_in_segment(key, slot_bits);
    return slot < index->n_slots ? slot : index->n_slots;
}

/* Set `range` to the entries of a slot; return INDEX_DAMAGED if they are invalid. */
static inline int index_read_slot(const exact_index *index, uint64_t slot,
                                  index_range *range)
{
    range->start = index->directory[slot];
    range->end = index->directory[slot + 1];
    if (range->start > range->end || range->end > index->n_entries)
        return INDEX_DAMAGED;
    return 0;
}

/* Return the entries of a key, which are among the entries of its slot. */
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
    /* this loop counts the smaller remainders; it has no branch and compiles to SIMD */
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

/* Set `range` to the entries of a key; return INDEX_DAMAGED if the arrays are invalid. */
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

/* Look up n keys together. Each loop prefetches the data that the following loop reads,
 * so that the processor does not wait for the memory. */
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
            n_pending += keys[position] >= INDEX_FIRST_KEY;
        }
        if (n_pending < INDEX_PENDING)
            continue;
        if (index_resolve(index, active, pending, n_pending, codes))
            return INDEX_DAMAGED;
        n_pending = 0;
    }
    return index_resolve(index, active, pending, n_pending, codes);
}
