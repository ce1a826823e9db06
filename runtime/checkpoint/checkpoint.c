/* SPDX-License-Identifier: Apache-2.0
 *
 * Checkpoints: see edge/checkpoint.h. A slot is a header of one line, then the parts one after
 * another, filled up with 0xff to whole lines. Integers are in the machine's byte order.
 */
#include "edge/checkpoint.h"

#include "edge/memory.h"

#define MAGIC 0x4b434445u /* "EDCK" */
#define FORMAT 1u

typedef struct {
    uint32_t magic, format, model, sequence, step, bytes, body, self;
} header;

typedef char header_is_one_line[sizeof(header) == EDGE_FLASH_LINE ? 1 : -1];

/* CRC-32 of IEEE 802.3, four bits at a time. Start with 0 and go on with the result. */
static uint32_t crc32(uint32_t crc, const void *from, uint32_t bytes) {
    const uint8_t *at = from;
    crc = ~crc;
    for (; bytes > 0; bytes--) {
        crc ^= *at++;
        for (int32_t half = 0; half < 2; half++) {
            uint32_t low = crc & 15u, entry = 0;
            for (int32_t bit = 0; bit < 4; bit++, low >>= 1) {
                entry = (entry >> 1) ^ ((entry ^ low) & 1u ? 0xedb88320u : 0);
            }
            crc = (crc >> 4) ^ entry;
        }
    }
    return ~crc;
}

static uint32_t body_bytes(const edge_checkpoint *checkpoint) {
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < checkpoint->count; i++) {
        bytes += checkpoint->parts[i].bytes;
    }
    return bytes;
}

static uint32_t body_crc(const edge_checkpoint *checkpoint) {
    uint32_t crc = 0;
    for (uint32_t i = 0; i < checkpoint->count; i++) {
        crc = crc32(crc, checkpoint->parts[i].data, checkpoint->parts[i].bytes);
    }
    return crc;
}

/* CRC of `bytes` bytes in flash. Returns 0 if they could be read. */
static int32_t flash_crc(const edge_flash *flash, uint32_t address, uint32_t bytes, uint32_t *crc) {
    uint8_t line[EDGE_FLASH_LINE];
    *crc = 0;
    while (bytes > 0) {
        const uint32_t count = bytes < sizeof line ? bytes : (uint32_t)sizeof line;
        if (flash->read(flash->context, address, line, count) != 0) {
            return 1;
        }
        *crc = crc32(*crc, line, count);
        address += count;
        bytes -= count;
    }
    return 0;
}

static uint32_t header_crc(const header *h) {
    return crc32(0, h, sizeof *h - sizeof h->self);
}

/* Whether the slot is whole, whoever wrote it. */
static int is_whole(const edge_flash *flash, int32_t slot, header *h) {
    uint32_t crc;
    if (flash->read(flash->context, flash->slot[slot], h, sizeof *h) != 0 || h->magic != MAGIC ||
        h->self != header_crc(h) || h->bytes > flash->slot_bytes - EDGE_FLASH_LINE) {
        return 0;
    }
    return flash_crc(flash, flash->slot[slot] + EDGE_FLASH_LINE, h->bytes, &crc) == 0 &&
           crc == h->body;
}

static int is_ours(const edge_checkpoint *checkpoint, const header *h) {
    return h->format == FORMAT && h->model == checkpoint->model &&
           h->bytes == body_bytes(checkpoint);
}

/* The slot of the newest state of this model, or -1; `others` counts whole slots of other models.
 */
static int32_t newest(const edge_checkpoint *checkpoint, const edge_flash *flash, header *best,
                      int32_t *others) {
    int32_t found = -1;
    *others = 0;
    for (int32_t slot = 0; slot < 2; slot++) {
        header h;
        if (!is_whole(flash, slot, &h)) {
            continue;
        }
        if (!is_ours(checkpoint, &h)) {
            ++*others;
        } else if (found < 0 || (int32_t)(h.sequence - best->sequence) > 0) {
            found = slot;
            *best = h;
        }
    }
    return found;
}

/* Collects bytes into lines and writes them. */
typedef struct {
    const edge_flash *flash;
    uint32_t address, filled;
    int32_t failed;
    uint8_t line[EDGE_FLASH_LINE];
} writer;

static void flush(writer *w) {
    if (w->filled > 0) {
        memset(w->line + w->filled, 0xff, sizeof w->line - w->filled);
        w->failed |= w->flash->write(w->flash->context, w->address, w->line, sizeof w->line);
        w->address += (uint32_t)sizeof w->line;
        w->filled = 0;
    }
}

static void put(writer *w, const uint8_t *from, uint32_t bytes) {
    while (bytes > 0 && w->failed == 0) {
        const uint32_t room = (uint32_t)sizeof w->line - w->filled;
        const uint32_t count = bytes < room ? bytes : room;
        memcpy(w->line + w->filled, from, count);
        w->filled += count;
        from += count;
        bytes -= count;
        if (w->filled == sizeof w->line) {
            flush(w);
        }
    }
}

static int32_t write_body(const edge_checkpoint *checkpoint, const edge_flash *flash,
                          uint32_t address) {
    writer w = {flash, address, 0, 0, {0}};
    for (uint32_t i = 0; i < checkpoint->count; i++) {
        put(&w, checkpoint->parts[i].data, checkpoint->parts[i].bytes);
    }
    if (w.failed == 0) {
        flush(&w);
    }
    return w.failed;
}

edge_checkpoint_status edge_checkpoint_save(const edge_checkpoint *checkpoint,
                                            const edge_flash *flash, uint32_t step) {
    header h = {0};
    int32_t others;
    const uint32_t bytes = body_bytes(checkpoint);
    if (flash->slot_bytes < EDGE_FLASH_LINE ||
        bytes > (flash->slot_bytes - EDGE_FLASH_LINE) / EDGE_FLASH_LINE * EDGE_FLASH_LINE) {
        return EDGE_CHECKPOINT_TOO_LARGE;
    }
    const int32_t old = newest(checkpoint, flash, &h, &others);
    const uint32_t start = flash->slot[old == 0 ? 1 : 0];
    const header fresh = {MAGIC, FORMAT, checkpoint->model,    old < 0 ? 0 : h.sequence + 1,
                          step,  bytes,  body_crc(checkpoint), 0};
    uint32_t crc;
    h = fresh;
    h.self = header_crc(&h);
    if (flash->erase(flash->context, start, flash->slot_bytes) != 0 ||
        write_body(checkpoint, flash, start + EDGE_FLASH_LINE) != 0 ||
        flash_crc(flash, start + EDGE_FLASH_LINE, bytes, &crc) != 0 || crc != h.body ||
        flash->write(flash->context, start, &h, sizeof h) != 0) {
        return EDGE_CHECKPOINT_FLASH;
    }
    header written;
    return is_whole(flash, old == 0 ? 1 : 0, &written) ? EDGE_CHECKPOINT_OK : EDGE_CHECKPOINT_FLASH;
}

edge_checkpoint_status edge_checkpoint_load(const edge_checkpoint *checkpoint,
                                            const edge_flash *flash, uint32_t *step) {
    header h = {0};
    int32_t others;
    const int32_t slot = newest(checkpoint, flash, &h, &others);
    if (slot < 0) {
        return others > 0 ? EDGE_CHECKPOINT_OTHER_MODEL : EDGE_CHECKPOINT_NONE;
    }
    uint32_t address = flash->slot[slot] + EDGE_FLASH_LINE;
    for (uint32_t i = 0; i < checkpoint->count; i++) {
        const edge_part *part = &checkpoint->parts[i];
        if (flash->read(flash->context, address, part->data, part->bytes) != 0) {
            return EDGE_CHECKPOINT_FLASH;
        }
        address += part->bytes;
    }
    *step = h.step;
    return EDGE_CHECKPOINT_OK;
}
