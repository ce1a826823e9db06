/* SPDX-License-Identifier: Apache-2.0
 *
 * The runner main of a model that is linked into the process.
 */
#include "edge_model.h"
#include "process.h"
#include "samples.h"

#ifndef edge_model_reset
#define edge_model_reset NULL
#endif

int32_t main(int32_t argc, char **argv);
int32_t main(int32_t argc, char **argv) {
    const sampled_model model = {edge_model_input,       edge_model_output,  edge_model_invoke,
                                 edge_model_reset,       edge_model_arena,   EDGE_MODEL_ARENA_BYTES,
                                 EDGE_MODEL_INPUTS,      EDGE_MODEL_OUTPUTS, edge_model_input_bytes,
                                 edge_model_output_bytes};
    (void)argc;
    (void)argv;
    run_samples(&model);
    return 0;
}
