/* Lower bound: a loop over a split-block Bloom filter. */
#include "sbbf.h"

void floor_might_contain_many(uint32_t *lanes, uint32_t n_blocks,
                              const uint64_t *keys, size_t n, uint8_t *found)
{
    const sbbf filter = {lanes, n_blocks};
    sbbf_might_contain_many(filter, keys, n, found);
}
