/* Functions that fill, verify and read an exact index; index.h explains the terms. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "index.h"

#define INDEX_KEY_LIMIT ((uint64_t)1 << 63)
/* A segment is divided into more slots only if the slots of the run then have at least
 * 20 entries on average. The directory has 32 bits for each slot: at most 1.6 bits for
 * each entry. */
#define INDEX_SLOT_ENTRIES 20

typedef enum {
    INDEX_VALID = 0,
    INDEX_BAD_RUNS,
    INDEX_BAD_DIRECTORY,
    INDEX_BAD_REMAINDERS,
    INDEX_BAD_CODES,
} index_fault;

typedef struct {
    uint64_t n_runs;
    uint64_t n_slots;
} index_extent;

/* Return whether `high` starts a new run; previous_high is the high of the key before. */
static inline int index_starts_run(uint64_t previous_high, uint64_t high)
{
    return high - previous_high > INDEX_MAX_GAP + 1;
}

static int index_choose_slot_bits(uint64_t n_entries, uint64_t n_segments)
{
    int slot_bits = 0;
    while (slot_bits < INDEX_MAX_SLOT_BITS
           && n_entries >= (n_segments << (slot_bits + 1)) * INDEX_SLOT_ENTRIES)
        slot_bits++;
    return slot_bits;
}

/* Divide keys into runs, and count the runs and slots. Write the runs unless `runs` is
 * NULL. Return 0 if the keys are not ascending or not below INDEX_KEY_LIMIT. */
static int index_cut_runs(const uint64_t *keys, size_t n, index_run *runs,
                          index_extent *extent)
{
    size_t first = 0; /* the number of the first entry of the run */
    extent->n_runs = extent->n_slots = 0;
    if (n && keys[n - 1] >= INDEX_KEY_LIMIT)
        return 0;
    for (size_t i = 1; i <= n; i++) {
        if (i < n && keys[i] < keys[i - 1])
            return 0;
        if (i < n && !index_starts_run(keys[i - 1] >> 16, keys[i] >> 16))
            continue;
        const uint64_t high = keys[first] >> 16;
        const uint64_t n_segments = (keys[i - 1] >> 16) - high + 1;
        const int slot_bits = index_choose_slot_bits(i - first, n_segments);
        if (runs)
            runs[extent->n_runs] = (index_run){high << 16 | (uint64_t)slot_bits,
                                               (uint32_t)extent->n_slots,
                                               (uint32_t)n_segments};
        extent->n_runs++;
        extent->n_slots += n_segments << slot_bits;
        first = i;
    }
    return 1;
}

/* Fill the directory and the remainders. The caller must have called index_cut_runs,
 * which writes the runs and counts the slots. */
static void index_fill(const uint64_t *keys, size_t n, const exact_index *layout,
                       uint32_t *directory, uint16_t *remainders)
{
    const index_run *run = layout->runs;
    uint64_t next_slot = 0;
    for (size_t i = 0; i < n; i++) {
        while ((keys[i] >> 16) - (run->start >> 16) >= run->n_segments)
            run++;
        const uint64_t segment = (keys[i] >> 16) - (run->start >> 16);
        const int slot_bits = index_slot_bits(run);
        const uint64_t slot = run->first_slot + (segment << slot_bits)
            + index_slot_in_segment(keys[i], slot_bits);
        while (next_slot <= slot)
            directory[next_slot++] = (uint32_t)i;
        remainders[i] = (uint16_t)keys[i];
    }
    while (next_slot <= layout->n_slots)
        directory[next_slot++] = (uint32_t)n;
}

static int index_runs_are_valid(const exact_index *index)
{
    uint64_t n_slots = 0, end = 0;
    for (uint64_t i = 0; i < index->n_runs; i++) {
        const index_run *run = index->runs + i;
        const uint64_t high = run->start >> 16;
        if (run->n_segments == 0 || run->first_slot != n_slots)
            return 0;
        if ((run->start & 0xFFFF) > INDEX_MAX_SLOT_BITS || run->start >= INDEX_KEY_LIMIT)
            return 0;
        if (i && (high < end || !index_starts_run(end - 1, high)))
            return 0;
        n_slots += (uint64_t)run->n_segments << index_slot_bits(run);
        end = high + run->n_segments;
    }
    return n_slots == index->n_slots && end <= INDEX_KEY_LIMIT >> 16;
}

static int index_directory_is_valid(const exact_index *index)
{
    if (index->directory[0] != 0 || index->directory[index->n_slots] != index->n_entries)
        return 0;
    for (uint64_t slot = 0; slot < index->n_slots; slot++)
        if (index->directory[slot] > index->directory[slot + 1])
            return 0;
    return 1;
}

/* Return the first slot of a segment. If `segment` is the number of segments of the run,
 * return the slot after the last slot of the run. */
static uint64_t index_slot_at(const index_run *run, uint64_t segment)
{
    return run->first_slot + (segment << index_slot_bits(run));
}

/* Return 1 if index_cut_runs would make the same run. Then the first and the last
 * segment have entries, at most INDEX_MAX_GAP successive segments are empty, and the run
 * has the slot_bits that index_choose_slot_bits returns. */
static int index_run_is_shortest(const exact_index *index, const index_run *run)
{
    const uint32_t *directory = index->directory;
    const uint32_t start = directory[run->first_slot];
    const uint32_t end = directory[index_slot_at(run, run->n_segments)];
    uint64_t n_empty = INDEX_MAX_GAP;
    for (uint64_t segment = 0; segment < run->n_segments; segment++) {
        if (directory[index_slot_at(run, segment)]
            != directory[index_slot_at(run, segment + 1)])
            n_empty = 0;
        else if (++n_empty > INDEX_MAX_GAP)
            return 0;
    }
    return n_empty == 0
        && index_slot_bits(run) == index_choose_slot_bits(end - start, run->n_segments);
}

static int index_slot_is_valid(const exact_index *index, uint64_t slot, uint64_t in_run,
                               int slot_bits)
{
    const uint32_t start = index->directory[slot], end = index->directory[slot + 1];
    const uint64_t in_segment = in_run & (((uint64_t)1 << slot_bits) - 1);
    for (uint32_t i = start; i < end; i++) {
        const uint16_t remainder = index->remainders[i];
        if (index_slot_in_segment(remainder, slot_bits) != in_segment)
            return 0;
        if (i > start && remainder < index->remainders[i - 1])
            return 0;
    }
    return 1;
}

static int index_remainders_are_valid(const exact_index *index)
{
    for (uint64_t i = 0; i < index->n_runs; i++) {
        const index_run *run = index->runs + i;
        const uint64_t n_slots = (uint64_t)run->n_segments << index_slot_bits(run);
        for (uint64_t slot = 0; slot < n_slots; slot++)
            if (!index_slot_is_valid(index, run->first_slot + slot, slot,
                                     index_slot_bits(run)))
                return 0;
    }
    return 1;
}

/* Return a fault if index_cut_runs and index_fill cannot have made one of the arrays;
 * otherwise INDEX_VALID. Each check relies on the checks before it. */
static index_fault index_verify(const exact_index *index)
{
    if (!index_runs_are_valid(index))
        return INDEX_BAD_RUNS;
    if (!index_directory_is_valid(index))
        return INDEX_BAD_DIRECTORY;
    for (uint64_t i = 0; i < index->n_runs; i++)
        if (!index_run_is_shortest(index, index->runs + i))
            return INDEX_BAD_RUNS;
    if (!index_remainders_are_valid(index))
        return INDEX_BAD_REMAINDERS;
    for (uint64_t i = 0; i < index->n_entries; i++)
        if (index_code(index, i) > INT32_MAX)
            return INDEX_BAD_CODES;
    return INDEX_VALID;
}

/* Write the key of each entry, in ascending order. The caller must have called
 * index_verify: this function does not check the arrays. */
static void index_read_keys(const exact_index *index, uint64_t *keys)
{
    for (uint64_t i = 0; i < index->n_runs; i++) {
        const index_run *run = index->runs + i;
        for (uint64_t segment = 0; segment < run->n_segments; segment++) {
            const uint32_t start = index->directory[index_slot_at(run, segment)];
            const uint32_t end = index->directory[index_slot_at(run, segment + 1)];
            for (uint32_t entry = start; entry < end; entry++)
                keys[entry] =
                    ((run->start >> 16) + segment) << 16 | index->remainders[entry];
        }
    }
}
