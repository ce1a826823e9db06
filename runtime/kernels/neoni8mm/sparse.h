/* SPDX-License-Identifier: Apache-2.0
 *
 * Products of sparse weights with SMMLA: steps of 8 taps, see ../neon/sparse.h.
 */
#ifndef EDGE_NEONI8MM_SPARSE_H
#define EDGE_NEONI8MM_SPARSE_H

#include "../neon/sparse.h"

#ifdef __ARM_NEON

extern const edge_neon_sparse edge_neoni8mm_sparse;

#endif
#endif
