/* SPDX-License-Identifier: Apache-2.0
 *
 * Saves what was trained so that a power failure at any moment leaves the old or the new state.
 *
 * Flash has two slots. A save erases the older one, writes the body, reads it back, and writes the
 * header last: until its last byte is there the slot does not count. A load takes the newest slot
 * whose header and body are whole and belong to the model; where there is none, nothing changes.
 */
#ifndef EDGE_CHECKPOINT_H
#define EDGE_CHECKPOINT_H

#include <stdint.h>

/* All writes start at multiples of this many bytes and have as many; the header is one of them. */
#define EDGE_FLASH_LINE 32

/* The user's flash driver. Addresses are relative to whatever the driver takes as its start; each
 * function returns 0 or fails. A slot starts at slot[i], is erased as a whole, and erased bytes may
 * be written once. */
typedef struct {
    int32_t (*erase)(void *context, uint32_t address, uint32_t bytes);
    int32_t (*write)(void *context, uint32_t address, const void *from, uint32_t bytes);
    int32_t (*read)(void *context, uint32_t address, void *to, uint32_t bytes);
    void *context;
    uint32_t slot[2];
    uint32_t slot_bytes;
} edge_flash;

/* One array of the state. */
typedef struct {
    void *data;
    uint32_t bytes;
} edge_part;

typedef struct {
    const edge_part *parts;
    uint32_t count;
    uint32_t model; /* tells models and their versions apart */
} edge_checkpoint;

typedef enum {
    EDGE_CHECKPOINT_OK,
    EDGE_CHECKPOINT_NONE,        /* no slot is whole */
    EDGE_CHECKPOINT_OTHER_MODEL, /* a slot is whole, but of another model or version */
    EDGE_CHECKPOINT_TOO_LARGE,   /* the state does not fit a slot */
    EDGE_CHECKPOINT_FLASH        /* the driver failed, or what was written reads back otherwise */
} edge_checkpoint_status;

/* Saves the state after `step` steps. Where it fails the newest saved state is still there. */
edge_checkpoint_status edge_checkpoint_save(const edge_checkpoint *checkpoint,
                                            const edge_flash *flash, uint32_t step);

/* Loads the newest state and its step. The state changes only if OK is returned, or if a read fails
 * that succeeded just before (FLASH). */
edge_checkpoint_status edge_checkpoint_load(const edge_checkpoint *checkpoint,
                                            const edge_flash *flash, uint32_t *step);

#endif
