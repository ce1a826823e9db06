/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes the features of audio.bin to rows.bin.
 */
#include "board.h"
#include "edge/log_mel.h"
#include "mark.h"

static edge_log_mel mel;
static int16_t hop[EDGE_LOG_MEL_HOP];
static int8_t row[EDGE_LOG_MEL_BANDS];

int main(void) {
    const int32_t in = file_open("audio.bin", OPEN_READ), out = file_open("rows.bin", OPEN_WRITE);
    stack_paint();
    while (file_read(in, hop, sizeof hop) == sizeof hop) {
        edge_mark();
        edge_log_mel_push(&mel, hop, row);
        edge_mark();
        file_write(out, row, sizeof row);
    }
    print_value("stack ", stack_used());
    print(" B\n");
    return 0;
}
