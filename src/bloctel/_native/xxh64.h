/* Hash function XXH64 with seed 0 for one 64-bit key, as in Parquet's INT64 columns.
 *
 * Source: the xxHash specification 0.1.1, section "XXH64 algorithm", for an input of
 * exactly 8 bytes: step 1 for short inputs, one round of step 5, and the avalanche.
 * The input is the 8 bytes of the key in little-endian order.
 */
#pragma once

#include <stdint.h>

#define XXH64_PRIME_1 0x9E3779B185EBCA87u
#define XXH64_PRIME_2 0xC2B2AE3D27D4EB4Fu
#define XXH64_PRIME_3 0x165667B19E3779F9u
#define XXH64_PRIME_4 0x85EBCA77C2B2AE63u
#define XXH64_PRIME_5 0x27D4EB2F165667C5u

static inline uint64_t xxh64_rotate_left(uint64_t word, int n_bits)
{
    return (word << n_bits) | (word >> (64 - n_bits));
}

static inline uint64_t xxh64_of_key(uint64_t key)
{
    uint64_t hash = XXH64_PRIME_5 + 8;

    hash ^= xxh64_rotate_left(key * XXH64_PRIME_2, 31) * XXH64_PRIME_1;
    hash = xxh64_rotate_left(hash, 27) * XXH64_PRIME_1 + XXH64_PRIME_4;
    hash = (hash ^ (hash >> 33)) * XXH64_PRIME_2;
    hash = (hash ^ (hash >> 29)) * XXH64_PRIME_3;
    return hash ^ (hash >> 32);
}
