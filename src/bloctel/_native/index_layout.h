/* Arrays of an exact index: functions that fill, verify and read the arrays. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "index.h"

#define INDEX_KEY_LIMIT ((uint64_t)1 << 63)
/* If a run has many keys, its slots have at least this number of entries on average.
 * The directory, with 32 bits per slot, then needs at most 1.6 bits per entry. */
#define INDEX_SLOT_ENTRIES 20

typedef enum {
    INDEX_SOUND = 0,
    INDEX_BAD_RUNS,
    INDEX_BAD_DIRECTORY,
    INDEX_BAD_REMAINDERS,
    INDEX_BAD_CODES,
} index_fault;

typedef struct {
    uint64_t n_runs;
    uint64_t n_slots;
} index_extent;

/* Return whether a new run starts between two successive values of high. */
static inline int index_starts_run(uint64_t previous_high, uint64_t high)
{
    return high - previous_high > INDEX_MAX_GAP + 1;
}

static int index_choose_k(uint64_t n_entries, uint64_t n_segments)
{
    int k = 0;
    while (k < INDEX_MAX_K && n_entries >= (n_segments << (k + 1)) * INDEX_SLOT_ENTRIES)
        k++;
    return k;
}

/* Divide keys into runs, and count the runs and slots. Write the runs unless `runs` is
 * NULL. Return 0 if the keys are not ascending and below INDEX_KEY_LIMIT. */
static int index_cut_runs(const uint64_t *keys, size_t n, index_run *runs,
                          index_extent *extent)
{
    size_t first = 0; /* the first entry of the run */
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
        const int k = index_choose_k(i - first, n_segments);
        if (runs)
            runs[extent->n_runs] = (index_run){high << 16 | (uint64_t)k,
                                               (uint32_t)extent->n_slots,
                                               (uint32_t)n_segments};
        extent->n_runs++;
        extent->n_slots += n_segments << k;
        first = i;
    }
    return 1;
}

/* Fill the directory and the remainders. Before, index_cut_runs must have written the
 * runs and counted the slots. */
static void index_fill(const uint64_t *keys, size_t n, const exact_index *layout,
                       uint32_t *directory, uint16_t *remainders)
{
    const index_run *run = layout->runs;
    uint64_t next_slot = 0;
    for (size_t i = 0; i < n; i++) {
        while ((keys[i] >> 16) - (run->start >> 16) >= run->n_segments)
            run++;
        const uint64_t segment = (keys[i] >> 16) - (run->start >> 16);
        const int k = index_k(run);
        const uint64_t slot =
            run->first_slot + (segment << k) + index_slot_in_segment(keys[i], k);
        while (next_slot <= slot)
            directory[next_slot++] = (uint32_t)i;
        remainders[i] = (uint16_t)keys[i];
    }
    while (next_slot <= layout->n_slots)
        directory[next_slot++] = (uint32_t)n;
}

static int index_runs_are_sound(const exact_index *index)
{
    uint64_t n_slots = 0, end = 0;
    for (uint64_t i = 0; i < index->n_runs; i++) {
        const index_run *run = index->runs + i;
        const uint64_t high = run->start >> 16;
        if (run->n_segments == 0 || run->first_slot != n_slots)
            return 0;
        if ((run->start & 0xFFFF) > INDEX_MAX_K || run->start >= INDEX_KEY_LIMIT)
            return 0;
        if (i && (high < end || !index_starts_run(end - 1, high)))
            return 0;
        n_slots += (uint64_t)run->n_segments << index_k(run);
        end = high + run->n_segments;
    }
    return n_slots == index->n_slots && end <= INDEX_KEY_LIMIT >> 16;
}

static int index_directory_is_sound(const exact_index *index)
{
    if (index->directory[0] != 0 || index->directory[index->n_slots] != index->n_entries)
        return 0;
    for (uint64_t slot = 0; slot < index->n_slots; slot++)
        if (index->directory[slot] > index->directory[slot + 1])
            return 0;
    return 1;
}

/* Return the first slot of a segment of a run. If `segment` is n_segments, return the
 * slot after the last slot of the run. */
static uint64_t index_slot_at(const index_run *run, uint64_t segment)
{
    return run->first_slot + (segment << index_k(run));
}

/* Return 1 if index_cut_runs would make the same run: the first and the last segment
 * have entries, at most INDEX_MAX_GAP consecutive segments are empty, and
 * index_choose_k returns the k of the run. */
static int index_run_is_tight(const exact_index *index, const index_run *run)
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
    return n_empty == 0 && index_k(run) == index_choose_k(end - start, run->n_segments);
}

static int index_slot_is_sound(const exact_index *index, uint64_t slot, uint64_t in_run,
                               int k)
{
    const uint32_t start = index->directory[slot], end = index->directory[slot + 1];
    const uint64_t in_segment = in_run & (((uint64_t)1 << k) - 1);
    for (uint32_t i = start; i < end; i++) {
        const uint16_t remainder = index->remainders[i];
        if (index_slot_in_segment(remainder, k) != in_segment)
            return 0;
        if (i > start && remainder < index->remainders[i - 1])
            return 0;
    }
    return 1;
}

static int index_remainders_are_sound(const exact_index *index)
{
    for (uint64_t i = 0; i < index->n_runs; i++) {
        const index_run *run = index->runs + i;
        const uint64_t n_slots = (uint64_t)run->n_segments << index_k(run);
        for (uint64_t slot = 0; slot < n_slots; slot++)
            if (!index_slot_is_sound(index, run->first_slot + slot, slot, index_k(run)))
                return 0;
    }
    return 1;
}

/* Return the first array that index_cut_runs and index_fill cannot have made. Each
 * check is safe only after the earlier checks. */
static index_fault index_verify(const exact_index *index)
{
    if (!index_runs_are_sound(index))
        return INDEX_BAD_RUNS;
    if (!index_directory_is_sound(index))
        return INDEX_BAD_DIRECTORY;
    for (uint64_t i = 0; i < index->n_runs; i++)
        if (!index_run_is_tight(index, index->runs + i))
            return INDEX_BAD_RUNS;
    if (!index_remainders_are_sound(index))
        return INDEX_BAD_REMAINDERS;
    for (uint64_t i = 0; i < index->n_entries; i++)
        if (index_code(index, i) > INT32_MAX)
            return INDEX_BAD_CODES;
    return INDEX_SOUND;
}

/* Write all keys of an index that index_verify has accepted, in ascending order. */
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
