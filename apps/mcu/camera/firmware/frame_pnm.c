/* SPDX-License-Identifier: Apache-2.0
 *
 * A frame from image.pnm, read through the debugger: binary PGM for one channel, PPM for three, 8
 * bits a sample (the Netpbm formats "P5" and "P6").
 */
#include "board.h"
#include "frame.h"

static int32_t file;

static int32_t next(void) {
    uint8_t byte;
    return file_read(file, &byte, 1) == 1 ? byte : -1;
}

static int32_t is_space(int32_t c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static int32_t after_spaces_and_comments(void) {
    int32_t c = next();
    while (is_space(c) || c == '#') {
        if (c == '#') {
            while (c >= 0 && c != '\n') {
                c = next();
            }
        }
        c = next();
    }
    return c;
}

/* A number and the one character after it; 0 if there is none. */
static uint32_t number(void) {
    uint32_t value = 0;
    int32_t c = after_spaces_and_comments();
    for (; c >= '0' && c <= '9' && value < 100000; c = next()) {
        value = 10 * value + (uint32_t)(c - '0');
    }
    return is_space(c) ? value : 0;
}

int32_t frame_open(uint32_t width, uint32_t height, uint32_t channels) {
    file = file_open("image.pnm", OPEN_READ);
    return file >= 0 && next() == 'P' && next() == (channels == 3 ? '6' : '5') &&
           number() == width && number() == height && number() == 255;
}

int32_t row_read(uint8_t *row, uint32_t bytes) {
    return file_read(file, row, bytes) == bytes;
}
