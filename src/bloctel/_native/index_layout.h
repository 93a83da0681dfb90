/* Laying out the arrays of an exact index, checking them, and reading them back. */
#ifndef BLOCTEL_INDEX_LAYOUT_H
#define BLOCTEL_INDEX_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "index.h"

#define INDEX_KEY_LIMIT ((uint64_t)1 << 63)

typedef enum {
    INDEX_SOUND = 0,
    INDEX_BAD_RUNS,
    INDEX_BAD_DIRECTORY,
    INDEX_BAD_REMAINDERS,
    INDEX_BAD_CODES,
} index_fault;

typedef struct {
    uint64_t n_runs;
    uint64_t n_segments;
} index_extent;

/* Tell whether a new high may not join the run that the previous one is in. */
static inline int index_starts_run(uint64_t previous_high, uint64_t high)
{
    return high - previous_high > INDEX_MAX_GAP + 1;
}

/* Count the runs and segments that keys need; return 0 if they are not in ascending
 * order or reach INDEX_KEY_LIMIT. */
static int index_measure(const uint64_t *keys, size_t n, index_extent *extent)
{
    uint64_t previous = 0;
    extent->n_runs = extent->n_segments = 0;
    for (size_t i = 0; i < n; i++) {
        const uint64_t key = keys[i], step = (key >> 16) - (previous >> 16);
        if (key < previous || key >= INDEX_KEY_LIMIT)
            return 0;
        if (i == 0 || index_starts_run(previous >> 16, key >> 16)) {
            extent->n_runs++;
            extent->n_segments++;
        } else {
            extent->n_segments += step;
        }
        previous = key;
    }
    return 1;
}

/* Fill arrays whose lengths index_measure gave: runs, directory (n_slots + 1) and
 * remainders (n). */
static void index_fill(const uint64_t *keys, size_t n, const exact_index *layout,
                       index_run *runs, uint32_t *directory, uint16_t *remainders)
{
    uint64_t next_slot = 0, n_segments = 0;
    index_run *run = runs;
    for (size_t i = 0; i < n; i++) {
        const uint64_t high = keys[i] >> 16;
        const uint64_t previous = i ? keys[i - 1] >> 16 : high;
        if (i == 0 || index_starts_run(previous, high)) {
            run += i != 0;
            *run = (index_run){high, (uint32_t)n_segments, 1};
            n_segments++;
        } else {
            run->n_segments += (uint32_t)(high - previous);
            n_segments += high - previous;
        }
        const uint64_t slot =
            ((n_segments - 1) << layout->k) + index_slot_in_segment(keys[i], layout->k);
        while (next_slot <= slot)
            directory[next_slot++] = (uint32_t)i;
        remainders[i] = (uint16_t)keys[i];
    }
    while (next_slot <= layout->n_slots)
        directory[next_slot++] = (uint32_t)n;
}

static int index_runs_are_sound(const exact_index *index)
{
    uint64_t n_segments = 0, end = 0;
    for (uint64_t i = 0; i < index->n_runs; i++) {
        const index_run *run = index->runs + i;
        if (run->n_segments == 0 || run->first_segment != n_segments)
            return 0;
        if (run->first_high >= INDEX_KEY_LIMIT >> 16)
            return 0;
        if (i && (run->first_high < end || !index_starts_run(end - 1, run->first_high)))
            return 0;
        n_segments += run->n_segments;
        end = run->first_high + run->n_segments;
    }
    return n_segments << index->k == index->n_slots && end <= INDEX_KEY_LIMIT >> 16;
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

/* Runs must be the shortest that hold the entries: they begin and end with a segment
 * in use, and no gap inside is wide enough to divide them. */
static int index_runs_are_tight(const exact_index *index)
{
    for (uint64_t i = 0; i < index->n_runs; i++) {
        const index_run *run = index->runs + i;
        uint64_t n_empty = INDEX_MAX_GAP;
        for (uint64_t place = 0; place < run->n_segments; place++) {
            const uint64_t slot = (run->first_segment + place) << index->k;
            const uint64_t next = slot + ((uint64_t)1 << index->k);
            if (index->directory[slot] != index->directory[next])
                n_empty = 0;
            else if (++n_empty > INDEX_MAX_GAP)
                return 0;
        }
        if (n_empty != 0)
            return 0;
    }
    return 1;
}

static int index_remainders_are_sound(const exact_index *index)
{
    const uint64_t last_in_segment = ((uint64_t)1 << index->k) - 1;
    for (uint64_t slot = 0; slot < index->n_slots; slot++) {
        const uint32_t start = index->directory[slot], end = index->directory[slot + 1];
        for (uint32_t i = start; i < end; i++) {
            const uint16_t remainder = index->remainders[i];
            if (index_slot_in_segment(remainder, index->k) != (slot & last_in_segment))
                return 0;
            if (i > start && remainder < index->remainders[i - 1])
                return 0;
        }
    }
    return 1;
}

static int index_codes_are_sound(const exact_index *index)
{
    for (uint64_t i = 0; i < index->n_entries; i++)
        if (index_code(index, i) > INT32_MAX)
            return 0;
    return 1;
}

/* Name the first array that no build could have made; each check relies on those
 * before it. */
static index_fault index_verify(const exact_index *index)
{
    if (!index_runs_are_sound(index))
        return INDEX_BAD_RUNS;
    if (!index_directory_is_sound(index))
        return INDEX_BAD_DIRECTORY;
    if (!index_runs_are_tight(index))
        return INDEX_BAD_RUNS;
    if (!index_remainders_are_sound(index))
        return INDEX_BAD_REMAINDERS;
    return index_codes_are_sound(index) ? INDEX_SOUND : INDEX_BAD_CODES;
}

/* Write the n_entries keys of a sound index, in order. */
static void index_read_keys(const exact_index *index, uint64_t *keys)
{
    for (uint64_t i = 0; i < index->n_runs; i++) {
        const index_run *run = index->runs + i;
        for (uint64_t place = 0; place < run->n_segments; place++) {
            const uint64_t slot = (run->first_segment + place) << index->k;
            const uint32_t start = index->directory[slot];
            const uint32_t end = index->directory[slot + ((uint64_t)1 << index->k)];
            for (uint32_t entry = start; entry < end; entry++)
                keys[entry] = (run->first_high + place) << 16 | index->remainders[entry];
        }
    }
}

#endif
