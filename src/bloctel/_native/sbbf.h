/* Split-block Bloom filter of Apache Parquet, for 64-bit integers (keys).
 *
 * A Bloom filter answers whether a key was added: "certainly not" or "perhaps".
 * Source: apache/parquet-format, BloomFilter.md. A filter is an array of blocks. A block
 * has eight words of 32 bits. Each key sets one bit in each word of one block. The upper
 * 32 bits of the key's hash select the block. The lower 32 bits (`low`), multiplied by a
 * constant of each word (its salt), select the bit in this word.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "xxh64.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#error "the filter is read in place, which works on little-endian machines only"
#endif

#if defined(__GNUC__)
#define SBBF_PREFETCH(address) __builtin_prefetch(address)
#else
#define SBBF_PREFETCH(address) ((void)(address))
#endif

/* A build with BLOCTEL_NO_SIMD uses only the functions without SIMD; tests need it. */
#if defined(__GNUC__) && defined(__x86_64__) && !defined(BLOCTEL_NO_SIMD)
#define SBBF_HAS_AVX2 1
#include <immintrin.h>
#endif

#define SBBF_BLOCK_WORDS 8
/* All keys of a chunk are hashed before their blocks are read. So the processor fetches
 * many blocks at the same time. The blocks of one chunk fit in a cache of 32 KiB. */
#define SBBF_CHUNK 256

typedef struct {
    uint32_t *words; /* an array of n_blocks * SBBF_BLOCK_WORDS words */
    uint32_t n_blocks;
} sbbf;

typedef struct {
    uint32_t *block[SBBF_CHUNK];
    uint32_t low[SBBF_CHUNK];
} sbbf_chunk;

static const uint32_t sbbf_salts[SBBF_BLOCK_WORDS] = {
    0x47b6137bU, 0x44974d91U, 0x8824ad5bU, 0xa2b7289dU,
    0x705495c7U, 0x2df1424bU, 0x9efc4947U, 0x5c6bfb31U,
};

static inline uint32_t *sbbf_block_of(sbbf filter, uint64_t hash)
{
    return filter.words + (((hash >> 32) * filter.n_blocks) >> 32) * SBBF_BLOCK_WORDS;
}

static inline uint32_t sbbf_bit(uint32_t low, int word)
{
    return (low * sbbf_salts[word]) >> 27;
}

static inline int sbbf_block_has(const uint32_t *block, uint32_t low)
{
    uint32_t all = 1;
    for (int word = 0; word < SBBF_BLOCK_WORDS; word++)
        all &= block[word] >> sbbf_bit(low, word);
    return (int)all;
}

#ifdef SBBF_HAS_AVX2
__attribute__((target("avx2"))) static inline __m256i sbbf_mask_avx2(uint32_t low)
{
    const __m256i salts = _mm256_loadu_si256((const __m256i *)sbbf_salts);
    const __m256i products = _mm256_mullo_epi32(_mm256_set1_epi32((int)low), salts);
    const __m256i bits = _mm256_srli_epi32(products, 27);
    return _mm256_sllv_epi32(_mm256_set1_epi32(1), bits);
}

__attribute__((target("avx2"))) static inline int
sbbf_block_has_avx2(const uint32_t *block, uint32_t low)
{
    const __m256i old = _mm256_loadu_si256((const __m256i *)block);
    return _mm256_testc_si256(old, sbbf_mask_avx2(low));
}
#endif

static inline int sbbf_might_contain(sbbf filter, uint64_t key)
{
    const uint64_t hash = xxh64_of_key(key);
    const uint32_t *block = sbbf_block_of(filter, hash);
#ifdef SBBF_HAS_AVX2
    if (__builtin_cpu_supports("avx2"))
        return sbbf_block_has_avx2(block, (uint32_t)hash);
#endif
    return sbbf_block_has(block, (uint32_t)hash);
}

/* Set the bits of a key; return 1 if one of them was 0 before. */
static inline int sbbf_insert(uint32_t *block, uint32_t low)
{
    uint32_t is_new = 0;
    for (int word = 0; word < SBBF_BLOCK_WORDS; word++) {
        const uint32_t bit = sbbf_bit(low, word);
        is_new |= ~(block[word] >> bit) & 1;
        block[word] |= (uint32_t)1 << bit;
    }
    return (int)is_new;
}

static inline size_t sbbf_chunk_length(size_t done, size_t n)
{
    return n - done < SBBF_CHUNK ? n - done : SBBF_CHUNK;
}

static inline void sbbf_locate(sbbf filter, const uint64_t *keys, size_t n,
                               sbbf_chunk *chunk)
{
    for (size_t i = 0; i < n; i++) {
        const uint64_t hash = xxh64_of_key(keys[i]);
        uint32_t *block = sbbf_block_of(filter, hash);
        SBBF_PREFETCH(block);
        chunk->block[i] = block;
        chunk->low[i] = (uint32_t)hash;
    }
}

/* See sbbf_passing. The loop writes every i, and overwrites it in the next step if the
 * key is not in the filter. A branch would be slower, because its direction is random. */
static size_t sbbf_passing_portable(const sbbf_chunk *chunk, size_t n, uint16_t *passed)
{
    size_t n_passed = 0;
    for (size_t i = 0; i < n; i++) {
        passed[n_passed] = (uint16_t)i;
        n_passed += (size_t)sbbf_block_has(chunk->block[i], chunk->low[i]);
    }
    return n_passed;
}

#ifdef SBBF_HAS_AVX2
__attribute__((target("avx2"))) static size_t
sbbf_passing_avx2(const sbbf_chunk *chunk, size_t n, uint16_t *passed)
{
    size_t n_passed = 0;
    for (size_t i = 0; i < n; i++) {
        passed[n_passed] = (uint16_t)i;
        n_passed += (size_t)sbbf_block_has_avx2(chunk->block[i], chunk->low[i]);
    }
    return n_passed;
}
#endif

/* Write to `passed`, in ascending order, each i for which keys[i] is perhaps in the
 * filter. Return how many were written. n is at most SBBF_CHUNK. */
static inline size_t sbbf_passing(sbbf filter, const uint64_t *keys, size_t n,
                                  uint16_t *passed)
{
    sbbf_chunk chunk;
    sbbf_locate(filter, keys, n, &chunk);
#ifdef SBBF_HAS_AVX2
    if (__builtin_cpu_supports("avx2"))
        return sbbf_passing_avx2(&chunk, n, passed);
#endif
    return sbbf_passing_portable(&chunk, n, passed);
}

/* Set found[i] to 1 if keys[i] is perhaps in the filter, otherwise to 0. */
static inline void sbbf_might_contain_many(sbbf filter, const uint64_t *keys, size_t n,
                                    uint8_t *found)
{
    uint16_t passed[SBBF_CHUNK];
    for (size_t done = 0; done < n; done += SBBF_CHUNK) {
        const size_t length = sbbf_chunk_length(done, n);
        const size_t n_passed = sbbf_passing(filter, keys + done, length, passed);
        for (size_t i = 0; i < length; i++)
            found[done + i] = 0;
        for (size_t i = 0; i < n_passed; i++)
            found[done + passed[i]] = 1;
    }
}

/* Add the keys of a chunk, and return how many of them set a bit that was 0 before. */
static uint64_t sbbf_insert_chunk_portable(const sbbf_chunk *chunk, size_t n)
{
    uint64_t n_new = 0;
    for (size_t i = 0; i < n; i++)
        n_new += (uint64_t)sbbf_insert(chunk->block[i], chunk->low[i]);
    return n_new;
}

#ifdef SBBF_HAS_AVX2
__attribute__((target("avx2"))) static uint64_t
sbbf_insert_chunk_avx2(const sbbf_chunk *chunk, size_t n)
{
    uint64_t n_new = 0;
    for (size_t i = 0; i < n; i++) {
        __m256i *block = (__m256i *)chunk->block[i];
        const __m256i old = _mm256_loadu_si256(block);
        const __m256i mask = sbbf_mask_avx2(chunk->low[i]);
        n_new += !_mm256_testc_si256(old, mask);
        _mm256_storeu_si256(block, _mm256_or_si256(old, mask));
    }
    return n_new;
}
#endif

static inline uint64_t sbbf_insert_chunk(const sbbf_chunk *chunk, size_t n)
{
#ifdef SBBF_HAS_AVX2
    if (__builtin_cpu_supports("avx2"))
        return sbbf_insert_chunk_avx2(chunk, n);
#endif
    return sbbf_insert_chunk_portable(chunk, n);
}

/* Add a chunk for which the capacity may be too small. Return 0 at the first key that
 * would set a new bit when *n_added has reached the capacity. */
static inline int sbbf_insert_last(const sbbf_chunk *chunk, size_t n,
                                   uint64_t capacity, uint64_t *n_added)
{
    for (size_t i = 0; i < n; i++) {
        if (*n_added < capacity)
            *n_added += (uint64_t)sbbf_insert(chunk->block[i], chunk->low[i]);
        else if (!sbbf_block_has(chunk->block[i], chunk->low[i]))
            return 0;
    }
    return 1;
}

/* Add keys, and increase *n_added for each key that sets a new bit. When *n_added has
 * reached the capacity, return 0 at the first key that would set a new bit; this key and
 * all later keys are not added. Return 1 if there is no such key. */
static inline int sbbf_add_many(sbbf filter, const uint64_t *keys, size_t n,
                         uint64_t capacity, uint64_t *n_added)
{
    sbbf_chunk chunk;
    for (size_t done = 0; done < n; done += SBBF_CHUNK) {
        const size_t length = sbbf_chunk_length(done, n);
        sbbf_locate(filter, keys + done, length, &chunk);
        if (length <= capacity - *n_added)
            *n_added += sbbf_insert_chunk(&chunk, length);
        else if (!sbbf_insert_last(&chunk, length, capacity, n_added))
            return 0;
    }
    return 1;
}

static inline int sbbf_count_ones(uint32_t word)
{
    word -= (word >> 1) & 0x55555555U;
    word = (word & 0x33333333U) + ((word >> 2) & 0x33333333U);
    return (int)((((word + (word >> 4)) & 0x0F0F0F0FU) * 0x01010101U) >> 24);
}

/* Return the probability that the filter reports a random key that was not added. For
 * one block, it is the product of the shares of set bits in its eight words. The result
 * is the mean over all blocks. */
static inline double sbbf_measured_rate(sbbf filter)
{
    double sum = 0;
    for (uint32_t block = 0; block < filter.n_blocks; block++) {
        const uint32_t *words = filter.words + (size_t)block * SBBF_BLOCK_WORDS;
        double chance = 1;
        for (int word = 0; word < SBBF_BLOCK_WORDS; word++)
            chance *= sbbf_count_ones(words[word]) / 32.0;
        sum += chance;
    }
    return sum / filter.n_blocks;
}
