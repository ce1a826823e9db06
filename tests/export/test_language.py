"""Language models: exported, run token by token on several targets, equal to the reference."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edge.cli import cli
from edge.errors import EdgeError
from edge.ir import Graph, Node, Value
from edge.planning import plan
from edge.reference import run_batch
from edge.report.page import write_report
from edge.target import load_target
from edge.workflow.export import check, export
from edge.workflow.generate import generate
from edge.workflow.language import LanguageSettings, language_model
from edge.workflow.prepare import prepare
from edge.workflow.project import open_project
from edge.workflow.verify import verify
from tests.models.small_llama import SHAPE, TEXT, small_llama, write_llama2c, write_tokenizer

WINDOW, STEPS = 16, 40
needs_qemu = pytest.mark.skipif(not shutil.which("qemu-system-arm"), reason="needs qemu-system-arm")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of llama2.c with its tokenizer beside it."""
    folder = tmp_path_factory.mktemp("llama")
    write_tokenizer(folder / "tokenizer.bin")
    return write_llama2c(small_llama(), folder / "small.bin")


@pytest.fixture(scope="module")
def graph(model: Path) -> Graph:
    return language_model(model, LanguageSettings(window=WINDOW)).graph


@pytest.fixture(scope="module")
def out(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("language") / "out"
    export(model, "host", folder, window=WINDOW)
    return folder


def test_the_host_writes_what_the_reference_writes(out: Path) -> None:
    found = verify(out, samples=STEPS)
    assert (found.mismatches, found.samples) == (0, STEPS)


@pytest.mark.parametrize(
    "target",
    [
        "wasm32",
        pytest.param("cortex-m7", marks=needs_qemu),
        pytest.param("cortex-m55", marks=needs_qemu),
    ],
)
def test_other_targets_do_so_too(graph: Graph, tmp_path: Path, target: str) -> None:
    export(graph, target, tmp_path / "out")
    assert verify(tmp_path / "out", samples=STEPS).mismatches == 0


def test_a_prompt_goes_on_alone_on_the_device(out: Path) -> None:
    made = generate(out, TEXT[:7], 20)
    graph = open_project(out).graph
    fed = np.array([*made.prompt, *made.ids[:-1]], np.int32)
    chosen = run_batch(graph, [fed])[0].reshape(-1).tolist()
    assert chosen[len(made.prompt) - 1 :] == list(made.ids)
    assert made.prompt[0] == SHAPE.first
    assert made.text.startswith(TEXT[:7])


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc: apt-get install gcc")
def test_a_program_in_c_goes_on_step_by_step(out: Path, tmp_path: Path) -> None:
    name = open_project(out).name
    main = tmp_path / "main.c"
    main.write_text(
        f"""
#include <stdio.h>
#include "{name}.h"
int main(void) {{
    for (int run = 0; run < 2; ++run) {{
        {name}_reset();
        int32_t token = {SHAPE.first};
        for (int i = 0; i < 20; ++i) {{
            token = {name}_step(i % 2 ? token : i ? -1 : token);
            printf("%d ", token);
        }}
    }}
    return 0;
}}
"""
    )
    sources = [str(out / source) for source in open_project(out).plan["sources"]]
    command = ["gcc", "-std=c99", "-O1", f"-I{out}", f"-I{out / 'edge/include'}", str(main)]
    program = tmp_path / "program"
    subprocess.run([*command, *sources, "-o", str(program)], check=True)
    printed = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    made = [int(token) for token in printed.split()]
    assert made == 2 * list(generate(out, "", 20).ids)


def test_each_step_is_counted_where_the_runner_counts(graph: Graph, tmp_path: Path) -> None:
    """The rings fill up to the window: attention takes longer until then, and no longer after."""
    export(graph, "wasm32", tmp_path / "out")
    write_tokenizer(tmp_path / "out" / "tokenizer.bin")
    made = generate(tmp_path / "out", "", 30)
    assert made.instructions is not None
    steps = np.array(made.instructions)
    assert steps[0] < steps[WINDOW // 2] < steps[WINDOW - 1]
    assert np.ptp(steps[WINDOW:]) < 0.05 * (steps[WINDOW] - steps[0])
    assert made.to_json()["instructions"]["most"] == steps.max()


def test_the_command_line_prints_the_text(out: Path) -> None:
    told = CliRunner().invoke(cli, ["run", str(out), "--prompt", "the cat", "--tokens", "5"])
    assert told.exit_code == 0, told.output
    made = CliRunner().invoke(
        cli, ["run", str(out), "--prompt", "the cat", "--tokens", "5", "--json"]
    )
    result = json.loads(made.stdout)
    assert len(result["ids"]) == 5
    assert result["text"] in told.output


@pytest.mark.parametrize("target", ["host", "cortex-m7"])
def test_a_tied_embedding_is_in_flash_once(tmp_path: Path, target: str) -> None:
    """Packed for the classifier, where that is packed: the embedding reads it so."""
    for tied in (True, False):
        shape = replace(SHAPE, width=64, layers=1, tokens=128)
        path = write_llama2c(small_llama(shape, tied=tied), tmp_path / "small.bin")
        export(path, target, tmp_path / "out", window=WINDOW)
        header = (tmp_path / "out" / "small_weights.h").read_text()
        assert ("#define small_logits_weights small_embedded_table" in header) is tied


def test_a_pruned_model_takes_sparse_kernels_and_less_flash(model: Path, tmp_path: Path) -> None:
    shape = replace(SHAPE, width=64, hidden=172, heads=8, groups=4, layers=1)
    path = write_llama2c(small_llama(shape), tmp_path / "wide.bin")
    sizes = {}
    for prune in (None, "2:4x4:0.5", "1:4x4:0.75"):
        made = export(path, "cortex-m7", tmp_path / "out", window=WINDOW, prune=prune)
        sparse = [row["kernel"] for row in made.layers if row["sparsity"] > 0.4]
        assert len(sparse) == (0 if prune is None else 7)
        assert prune is None or sparse.count("dsp/linear_pairs_s8") >= 5
        sizes[prune] = sum(row["weight_bytes"] for row in made.layers)
    assert sizes["1:4x4:0.75"] < sizes["2:4x4:0.5"] < sizes[None]


def test_check_tells_the_memory_of_a_language_model(model: Path) -> None:
    verdict = check(model, "cortex-m7", window=WINDOW)
    rings = SHAPE.layers * 2 * WINDOW * SHAPE.narrow
    assert verdict["fits"]
    assert rings < verdict["memory"]["arena"] < rings + 2000


def test_the_report_has_the_bytes_of_the_rings(out: Path, tmp_path: Path) -> None:
    report = write_report(out, output=tmp_path / "report.html", measure=False)
    sizes = {state["name"]: state["bytes"] for state in report.states}
    assert sizes["layer0_keys"] == WINDOW * SHAPE.narrow
    assert sum(sizes.values()) == SHAPE.layers * 2 * WINDOW * SHAPE.narrow + 2 * 4
    assert "states" in report.page.read_text()


def test_text_and_ids_calibrate(model: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(TEXT * 20)
    np.save(tmp_path / "ids.npy", np.random.default_rng(0).integers(0, SHAPE.tokens, (4, 30)))
    graphs = [
        language_model(model, LanguageSettings(WINDOW, calibration=tmp_path / name)).graph
        for name in ("text.txt", "ids.npy")
    ]
    scales = [graph.type("logits").quantization for graph in graphs]
    assert scales[0] != scales[1]


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"window": 15}, "E0113"),
        ({"window": 1}, "E0113"),
        ({"prune": "2:4:nonsense"}, "E0041"),
        ({"calibration": np.full((1, 4), 99)}, "E0114"),
        ({"calibration": np.zeros((1, 4), np.float32)}, "E0114"),
        ({"precision": "fp32"}, "E0016"),
        ({"input": "rows"}, "E0016"),
        ({"tokenizer": Path("nowhere.bin")}, "E0001"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_refused(
    model: Path, tmp_path: Path, settings: dict, code: str
) -> None:
    with pytest.raises(EdgeError) as refused:
        export(model, "host", tmp_path / "out", **settings)
    assert refused.value.diagnostics[0].code == code
    assert not (tmp_path / "out").exists()


def test_prompts_that_cannot_be_are_refused(out: Path, graph: Graph, tmp_path: Path) -> None:
    export(graph, "host", tmp_path / "bare")
    for folder, tokens, code in (
        (out, SHAPE.context + 1, "E0113"),
        (tmp_path / "bare", 5, "E0112"),
    ):
        with pytest.raises(EdgeError) as refused:
            generate(folder, "the", tokens)
        assert refused.value.diagnostics[0].code == code


def test_a_window_is_refused_for_other_models(tmp_path: Path) -> None:
    from tests.models.int8_nets import residual_net

    with pytest.raises(EdgeError) as refused:
        export(residual_net(), "host", tmp_path / "out", window=16)
    assert refused.value.diagnostics[0].code == "E0016"
    export(residual_net(), "host", tmp_path / "net")
    with pytest.raises(EdgeError) as no_model:
        generate(tmp_path / "net", "the", 5)
    assert no_model.value.diagnostics[0].code == "E0115"


def test_a_ring_that_is_read_beside_its_writer_is_refused(graph: Graph) -> None:
    """The planner writes into the state itself: what it was is gone."""
    graph = prepare(graph)
    ring = graph.states[2].read
    copied = Node("copied", "requantize", (ring,), ("copied",), {})
    more = Value("copied", graph.type(ring))
    wrong = replace(
        graph, nodes=(*graph.nodes, copied), values={**graph.values, "copied": more},
        outputs=(*graph.outputs, "copied"),
    )  # fmt: skip
    with pytest.raises(EdgeError) as refused:
        plan(wrong, load_target("host"))
    assert refused.value.diagnostics[0].code == "E0107"
