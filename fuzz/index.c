/* Fuzz target of libFuzzer: the exact index. Inconsistent arrays must be reported as
 * damage, and never cause a read outside them.
 *
 * Each array is a separate block on the heap, of exactly its size, so that
 * AddressSanitizer detects a read of one byte too many.
 */
#include <stdlib.h>
#include <string.h>

#include "index_layout.h"

#define MAX_CODES 8
#define N_KEYS 24

typedef struct {
    const uint8_t *next;
    size_t left;
} input;

static void take(input *from, void *to, size_t n)
{
    const size_t size = n < from->left ? n : from->left;
    memset(to, 0, n);
    memcpy(to, from->next, size);
    from->next += size;
    from->left -= size;
}

static void *array(input *from, size_t n_bytes)
{
    void *block = malloc(n_bytes ? n_bytes : 1);
    if (!block)
        abort();
    take(from, block, n_bytes);
    return block;
}

static void require(int holds)
{
    if (!holds)
        abort();
}

/* The keys of a valid index are sorted, and each can be found. */
static void check_valid(const exact_index *index)
{
    uint64_t *keys = malloc((index->n_entries + 1) * sizeof *keys);
    require(keys != NULL);
    index_read_keys(index, keys);
    for (uint64_t i = 0; i < index->n_entries; i++) {
        index_range range;
        require(i == 0 || keys[i - 1] <= keys[i]);
        require(index_find(index, keys[i], &range) == 0);
        require(range.start <= i && i < range.end);
    }
    free(keys);
}

/* Single and batch look-ups give the same answers, or both report damage. */
static void check_look_ups(const exact_index *index, const uint8_t *flags,
                           uint64_t n_codes, const uint64_t *keys)
{
    uint32_t words[SBBF_BLOCK_WORDS];
    int32_t found[N_KEYS];
    const index_active active = {flags, n_codes};
    int is_damaged = 0;
    memset(words, 0xFF, sizeof words); /* a filter that lets every key through */
    const sbbf filter = {words, 1};
    const int fault = index_match_many(filter, index, active, keys, N_KEYS,
                                       found);
    for (int i = 0; i < N_KEYS; i++) {
        const int32_t one = keys[i] < INDEX_FIRST_KEY
                                ? INDEX_ABSENT
                                : index_match(index, active, keys[i]);
        is_damaged |= one == INDEX_DAMAGED;
        require(fault || one == found[i]);
        require(one < (int32_t)n_codes);
    }
    require(!fault || is_damaged);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int widths[] = {1, 2, 4, 1};
    input from = {data, size};
    uint8_t counts[5];
    uint64_t keys[N_KEYS];
    take(&from, counts, sizeof counts);
    exact_index index = {
        .n_runs = counts[0] % 8,
        .n_slots = counts[1],
        .n_entries = counts[2],
        .code_bytes = widths[counts[3] % 4],
    };
    const uint64_t n_codes = counts[4] % (MAX_CODES + 1);
    void *runs = array(&from, index.n_runs * sizeof(index_run));
    void *directory = array(&from, (index.n_slots + 1) * sizeof(uint32_t));
    void *remainders = array(&from, index.n_entries * sizeof(uint16_t));
    void *codes = array(&from, index.n_entries * (size_t)index.code_bytes);
    uint8_t *flags = array(&from, n_codes);
    take(&from, keys, sizeof keys);
    index.runs = runs;
    index.directory = directory;
    index.remainders = remainders;
    index.codes = codes;
    check_look_ups(&index, flags, n_codes, keys);
    if (index_verify(&index) == INDEX_VALID)
        check_valid(&index);
    free(runs);
    free(directory);
    free(remainders);
    free(codes);
    free(flags);
    return 0;
}
