#include "tiny.h"

#define EDGE_MODEL_NAME "tiny"
#define EDGE_MODEL_INPUTS 1
#define EDGE_MODEL_OUTPUTS 1
#define EDGE_MODEL_ARENA_BYTES TINY_ARENA_BYTES
static const uint32_t edge_model_input_bytes[] = {4}, edge_model_output_bytes[] = {4};
#define edge_model_input tiny_input
#define edge_model_output tiny_output
#define edge_model_invoke tiny_invoke
#define edge_model_arena tiny_arena
