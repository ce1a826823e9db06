#include "tiny.h"

#define MODEL_NAME "tiny"
#define MODEL_INPUTS 1
#define MODEL_OUTPUTS 1
#define MODEL_ARENA_BYTES TINY_ARENA_BYTES
static const uint32_t model_input_bytes[] = {4}, model_output_bytes[] = {4};
#define model_input tiny_input
#define model_output tiny_output
#define model_invoke tiny_invoke
#define model_arena tiny_arena
