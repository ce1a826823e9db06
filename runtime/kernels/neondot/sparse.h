/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of sparse weights with SDOT: steps of 4 taps, see ../neon/sparse.h.
 */
#ifndef EDGE_NEONDOT_SPARSE_H
#define EDGE_NEONDOT_SPARSE_H

#include "../neon/sparse.h"

#ifdef __ARM_NEON

extern const edge_neon_sparse edge_neondot_sparse;

#endif
#endif
