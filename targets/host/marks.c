/* SPDX-License-Identifier: Apache-2.0
 *
 * Times of the calls of edge_mark: where a profile build of a model starts each of its stages.
 */
#define _POSIX_C_SOURCE 199309L
#include <stdint.h>
#include <time.h>

enum { MAX_MARKS = 4096 };

int64_t edge_marks[MAX_MARKS]; /* nanoseconds */
int32_t edge_mark_count;

void edge_mark(void);
void edge_mark(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (edge_mark_count < MAX_MARKS) {
        edge_marks[edge_mark_count++] = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    }
}
