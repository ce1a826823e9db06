/* SPDX-License-Identifier: Apache-2.0
 *
 * Sound from audio.wav, read through the debugger: RIFF chunks, of which "fmt " and "data" count
 * (Microsoft and IBM, Multimedia Programming Interface and Data Specifications 1.0, 1991).
 */
#include <string.h>

#include "audio.h"
#include "board.h"

enum { PCM = 1, MONO = 1, BITS = 16 };

typedef struct {
    char id[4];
    uint32_t bytes;
} chunk;

typedef struct {
    uint16_t kind, channels;
    uint32_t rate, bytes_per_second;
    uint16_t bytes_per_frame, bits;
} format;

static int32_t file;
static uint32_t left;

static int32_t take(void *to, uint32_t bytes) {
    return file_read(file, to, bytes) == bytes;
}

static int32_t skip(uint32_t bytes) {
    uint8_t ignored;
    for (bytes += bytes & 1; bytes > 0; bytes--) {
        if (!take(&ignored, 1)) {
            return 0;
        }
    }
    return 1;
}

static int32_t is_wave(void) {
    char riff[12];
    return take(riff, sizeof riff) && memcmp(riff, "RIFF", 4) == 0 &&
           memcmp(riff + 8, "WAVE", 4) == 0;
}

static int32_t take_format(const chunk *head, uint32_t rate) {
    format found;
    return head->bytes >= sizeof found && take(&found, sizeof found) &&
           skip(head->bytes - (uint32_t)sizeof found) && found.kind == PCM &&
           found.channels == MONO && found.rate == rate && found.bits == BITS;
}

int32_t audio_open(uint32_t rate) {
    chunk head;
    int32_t known = 0;
    file = file_open("audio.wav", OPEN_READ);
    if (file < 0 || !is_wave()) {
        return 0;
    }
    while (take(&head, sizeof head)) {
        if (memcmp(head.id, "data", 4) == 0) {
            left = head.bytes;
            return known;
        }
        if (memcmp(head.id, "fmt ", 4) == 0) {
            known = take_format(&head, rate);
            if (!known) {
                return 0;
            }
        } else if (!skip(head.bytes)) {
            return 0;
        }
    }
    return 0;
}

int32_t audio_read(int16_t *samples, uint32_t count) {
    const uint32_t bytes = count * (uint32_t)sizeof *samples;
    if (left < bytes) {
        return 0;
    }
    left -= bytes;
    return take(samples, bytes);
}
