/* SPDX-License-Identifier: Apache-2.0
 *
 * The runner main of a model that is linked into the process.
 */
#include "model.h"
#include "process.h"
#include "samples.h"

int32_t main(int32_t argc, char **argv);
int32_t main(int32_t argc, char **argv) {
    const sampled_model model = {model_input,   model_output,      model_invoke,
                                 model_arena,   MODEL_ARENA_BYTES, MODEL_INPUTS,
                                 MODEL_OUTPUTS, model_input_bytes, model_output_bytes};
    (void)argc;
    (void)argv;
    run_samples(&model);
    return 0;
}
