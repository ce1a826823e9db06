/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the sound comes from: the one file to replace by a driver of an I2S or PDM microphone.
 */
#ifndef KEYWORD_AUDIO_H
#define KEYWORD_AUDIO_H

#include <stdint.h>

/* Gets ready to deliver sound at `rate` Hz. Returns 0 if that is not possible. */
int32_t audio_open(uint32_t rate);

/* The next `count` samples. Returns 0 when there are no more; a microphone waits until they are
 * there and always returns 1. */
int32_t audio_read(int16_t *samples, uint32_t count);

#endif
