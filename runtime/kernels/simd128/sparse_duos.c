/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks of 2 output channels x 2 inputs on strips of 16, 8 or 4 pixels; sparse.h.
 */
#include "edge/kernels.h"

#ifdef __wasm_simd128__

#include "sparse_rows.h"

void edge_simd128_sparse_duos(const edge_simd_sparse *sparse, int32_t pixels, int8_t *to) {
    edge_simd_rows_of(EDGE_SIMD_DUOS, sparse, pixels, to);
}

#endif
