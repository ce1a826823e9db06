/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the picture comes from: the one file to replace by a driver of a camera.
 */
#ifndef CAMERA_FRAME_H
#define CAMERA_FRAME_H

#include <stdint.h>

/* Gets ready to deliver a frame of this size. Returns 0 if that is not possible. */
int32_t frame_open(uint32_t width, uint32_t height, uint32_t channels);

/* The next row of the frame, from the top: one byte a sample. Returns 0 if there is none. */
int32_t row_read(uint8_t *row, uint32_t bytes);

#endif
