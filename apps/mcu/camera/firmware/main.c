/* SPDX-License-Identifier: Apache-2.0
 *
 * Looks at a frame and prints what is on it. With an input in rows, each row of the frame goes
 * through the network as it comes and is forgotten; else the network has memory for the whole.
 */
#include "board.h"
#include "camera.h"
#include "camera_settings.h"
#include "frame.h"
#include "mark.h"

enum { ROW_BYTES = FRAME_WIDTH * FRAME_CHANNELS };

/* Bytes 0 to 255 as the network takes them: int8, of zero point -128. */
static int32_t take_row(uint8_t *row) {
    if (!row_read(row, ROW_BYTES)) {
        return 0;
    }
    for (uint32_t i = 0; i < ROW_BYTES; i++) {
        row[i] ^= 0x80;
    }
    return 1;
}

/* Returns 0 if the frame ends too early. */
static int32_t look(void) {
#ifdef CAMERA_INPUT_ROWS
    int32_t done = 0;
    camera_begin();
    while (!done) {
        if (!take_row(camera_row())) {
            return 0;
        }
        edge_mark();
        done = camera_push_row(camera_row());
        edge_mark();
    }
#else
    for (uint32_t y = 0; y < FRAME_HEIGHT; y++) {
        if (!take_row((uint8_t *)camera_input(0) + y * ROW_BYTES)) {
            return 0;
        }
    }
    edge_mark();
    camera_invoke();
    edge_mark();
#endif
    return 1;
}

static void print_scores(void) {
    const int8_t *const scores = camera_output(0);
    int32_t best = 0;
    for (int32_t i = 1; i < CAMERA_OUTPUT_0_BYTES; i++) {
        best = scores[i] > scores[best] ? i : best;
    }
    print(camera_names[best]);
    print("\nscores");
    for (int32_t i = 0; i < CAMERA_OUTPUT_0_BYTES; i++) {
        print_value(scores[i] < 0 ? " -" : " ", (uint32_t)(scores[i] < 0 ? -scores[i] : scores[i]));
    }
    print("\n");
}

int main(void) {
    stack_paint();
    if (!frame_open(FRAME_WIDTH, FRAME_HEIGHT, FRAME_CHANNELS)) {
        print("image.pnm is not there, or not a binary PGM or PPM file of the network's size\n");
        return 1;
    }
    if (!look()) {
        print("image.pnm ends before its last row\n");
        return 1;
    }
    print_scores();
    print_value("stack ", stack_used());
    print(" B\n");
    return 0;
}
