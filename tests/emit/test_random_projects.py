"""Projects of random nets in every form of plan: clean C, and the bits of the reference.

Compiled with the address and undefined behaviour sanitizers; the arena is one array, so what lies
next to it is guarded, and what lies inside is compared.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.emit.project import emit
from edge.ir import Graph, Rounding
from edge.planning import plan
from edge.reference import run_batch
from edge.resources import path
from edge.target import load_target
from edge.workflow.project import write_project
from edge.workflow.samples import random_inputs
from tests.planning import nets
from tests.planning.random_nets import random_net

pytestmark = pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc: apt-get install gcc")

FLAGS = ["-std=c99", "-O1", "-ffp-contract=off", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
FORMS = {
    "plain": {},
    "smallest": {"smallest": True},
    "streamed": {"streamed": True, "smallest": True},
}


def compiled(source: Path, into: Path, includes: list[str]) -> Path:
    made = into / f"{source.stem}.o"
    command = ["gcc", *FLAGS, *SANITIZE, *includes, "-c", str(source), "-o", str(made)]
    subprocess.run(command, check=True, timeout=120)
    return made


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The portable kernels as a library."""
    folder, runtime = tmp_path_factory.mktemp("kernels"), path("runtime")
    sources = sorted((runtime / "kernels/ref").glob("*.c"))
    objects = [compiled(source, folder, [f"-I{runtime / 'include'}"]) for source in sources]
    library = folder / "libref.a"
    subprocess.run(["ar", "rcs", library, *objects], check=True)
    return library


def takes_rows(graph: Graph) -> bool:
    return len(graph.inputs) == 1 and graph.type(graph.inputs[0]).shape[1] > 1


def pooled(rounding: Rounding) -> Graph:
    """A net that ends in one window over the whole image, and one that averages it."""
    net = nets.Net(f"pooled_{rounding}")
    x = net.depthwise(net.conv(net.input(1, 14, 6, 3), 12))
    pools = [
        net.node("avg_pool2d", net.pointwise(x, 9), kernel=(14, 6), stride=(14, 6)),
        net.node("mean", net.pointwise(x, 9), axes=(1, 2), keepdims=True),
    ]
    return replace(net.graph(net.node("add", *pools)), rounding=rounding)


def graphs() -> list[Graph]:
    """Nets in which the smallest plan joins operators, and two known ones."""
    chosen = [nets.kws(), nets.resnet(), pooled(Rounding.TFLITE), pooled(Rounding.SINGLE)]
    for seed in range(200):
        graph = random_net(seed)
        if takes_rows(graph) and len(graph.nodes) > 4 and len(chosen) < 11:
            made = plan(graph, load_target("host"), smallest=True)
            chosen += [graph] if any(len(stage.steps) > 2 for stage in made.stages) else []
    return chosen


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("graph", graphs(), ids=lambda graph: graph.name)
def test_program_gives_the_bits_of_the_reference(
    graph: Graph, form: str, kernels: Path, tmp_path: Path
) -> None:
    made = plan(graph, load_target("host"), **FORMS[form])
    inputs = random_inputs(graph, 3)
    files = emit(graph, made, (inputs, run_batch(graph, inputs)))
    out = tmp_path / "project"
    write_project(out, files)
    sources = [out / f"{graph.name}.c", out / f"{graph.name}_weights.c", out / "test/verify_main.c"]
    sources += [out / "test/frame.c"] if made.input_rows else []
    includes = [f"-I{out}", f"-I{out / 'edge/include'}", f"-I{out / 'test'}"]
    objects = [compiled(source, tmp_path, includes) for source in sources]
    program = tmp_path / "program"
    subprocess.run(["gcc", *SANITIZE, *objects, kernels, "-lm", "-o", program], check=True)
    done = subprocess.run([program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == f"{graph.name}: 3 vectors, 0 mismatches\n"


ROWS_MAIN = r"""
#include <stdio.h>
#include <string.h>
#include "edge_model.h"
#include "vectors.h"

static int asked;

static void next_row(void *context, int32_t y, void *row) {
    asked += y == asked;
    const int8_t *input = context;
    memcpy(row, input + y * EDGE_MODEL_INPUT_ROW_BYTES, EDGE_MODEL_INPUT_ROW_BYTES);
}

static int wrong(void) {
    return memcmp(edge_model_output(0), vector_outputs, edge_model_output_bytes[0]) != 0;
}

int main(void) {
    static int8_t output[4096];
    edge_model_begin(); /* an inference that is given up after two rows */
    edge_model_push_row(vector_inputs + EDGE_MODEL_INPUT_ROW_BYTES);
    edge_model_push_row(vector_inputs);
    NAME_run_rows(next_row, (void *)(uintptr_t)vector_inputs);
    const int pulled = wrong() || asked != EDGE_MODEL_INPUT_ROWS;
    NAME_run(vector_inputs, output);
    const int whole = memcmp(output, vector_outputs, edge_model_output_bytes[0]) != 0;
    edge_model_begin();
    int early = 0;
    for (int32_t y = 0; y < EDGE_MODEL_INPUT_ROWS; ++y) {
        const int8_t *row = vector_inputs + y * EDGE_MODEL_INPUT_ROW_BYTES;
        memcpy(edge_model_row(), row, EDGE_MODEL_INPUT_ROW_BYTES);
        early += edge_model_push_row(edge_model_row()) != (y == EDGE_MODEL_INPUT_ROWS - 1);
    }
    const int late = edge_model_row() != NULL || edge_model_push_row(vector_inputs) != 1;
    printf("%d %d %d %d %d\n", pulled, whole, early, late, wrong());
    return 0;
}
"""


def test_rows_are_pushed_pulled_or_taken_from_a_frame(kernels: Path, tmp_path: Path) -> None:
    graph = nets.kws()
    made = plan(graph, load_target("host"), streamed=True, smallest=True)
    inputs = random_inputs(graph, 1)
    out = tmp_path / "project"
    write_project(out, emit(graph, made, (inputs, run_batch(graph, inputs))))
    (out / "main.c").write_text(ROWS_MAIN.replace("NAME", "kws"))
    includes = [f"-I{out}", f"-I{out / 'edge/include'}", f"-I{out / 'test'}"]
    sources = [out / "kws.c", out / "kws_weights.c", out / "main.c"]
    objects = [compiled(source, tmp_path, includes) for source in sources]
    program = tmp_path / "program"
    subprocess.run(["gcc", *SANITIZE, *objects, kernels, "-lm", "-o", program], check=True)
    done = subprocess.run([program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "0 0 0 0 0\n"


def test_turns_are_listed_once_for_a_stage() -> None:
    graph = nets.kws()
    made = plan(graph, load_target("host"), smallest=True)
    inputs = [np.zeros((1, *graph.type("x0").shape[1:]), np.int8)]
    source = emit(graph, made, (inputs, run_batch(graph, inputs)))["kws.c"]
    assert str(source).count("edge_stage_run(") == 1
    assert "edge_stage_run(&edge_stage0, 0, (int16_t[10]){0});" in str(source)
