#include "tiny.h"

void tiny_invoke(void) {
    EDGE_LAYER(0);
    for (int i = 0; i < 4; i++) {
        tiny_arena[36 + i] = (uint8_t)(2 * tiny_arena[i]);
    }
}
