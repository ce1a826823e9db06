"""Generated C trains as numpy does, bit for bit."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.ir import Graph
from edge.ir.types import Array
from edge.planning import PlanError
from edge.runners import Result, runner_for
from edge.runners.result import outputs_of, samples_of
from edge.target import load_target
from edge.toolchains import Program, build, find_toolchain
from edge.toolchains.sources import load_sources
from edge.training import scheme
from edge.training.autodiff import Step, differentiate
from edge.training.emit import emit_step
from edge.training.planning import Move, check_tail, in_safe_order, plan_step
from edge.training.reference.learner import Learner
from edge.training.scheme import UpdateScheme
from edge.training.tape import Settings
from edge.workflow.project import write_project
from tests.models.mcunet import needed
from tests.training.mcunet10 import mcunet10, published_scheme
from tests.training.networks import NETWORKS, bottleneck, image
from tests.training.random_networks import random_network

STEPS = 4
RATE = 1e-2


def written(step: Step, target: str, out: Path) -> Path:
    plan = plan_step(step, load_target(target))
    write_project(out, emit_step(plan, target))
    return out


def program(step: Step, target: str, out: Path) -> Program:
    runner = runner_for(load_target(target), None)
    return build(written(step, target, out), runner.target, find_toolchain(None, runner.target))


def run(program_: Program, inputs: list[Array], count: bool = False) -> Result:
    return runner_for(program_.target, None).run(program_, inputs, count=count)


def samples(graph: Graph, labels: list[int]) -> list[Array]:
    images = np.stack([image(graph, i) for i in range(len(labels))])
    return [images, np.array(labels, np.int32)[:, None]]


def assert_equal(step: Step, inputs: list[Array], outputs: list[Array]) -> None:
    """Scores and all trainables after every step; a label of -1 is an inference."""
    learner, names = Learner(step), [state.read for state in step.graph.states]
    names += ["kept", "labels", "counts"] if step.settings.replay else []
    names += ["skipped"] if step.settings.easy else []
    for index, (x, target) in enumerate(zip(*inputs, strict=True)):
        if step.settings.loss == "cross_entropy" and target[0] < 0:
            scores = learner.trainer.predict([x])
        else:
            scores = learner.learn([x], target if target.size > 1 else int(target[0]))
        expected = [scores, *learner.arrays]
        for name, array, raw in zip(("scores", *names), expected, outputs, strict=True):
            made = raw[index].view(array.dtype).reshape(array.shape)
            np.testing.assert_array_equal(made, array, err_msg=f"{name} in step {index}")


@pytest.mark.parametrize("name", ["bottleneck", "gated"])
def test_the_host_trains_as_numpy_does(name: str, tmp_path: Path) -> None:
    graph = NETWORKS[name]()
    step = differentiate(graph, scheme.full(graph), Settings(learning_rate=RATE))
    inputs = samples(graph, [1, -1, 2, 0, 4])
    result = run(program(step, "host", tmp_path / "net"), inputs)
    assert_equal(step, inputs, result.outputs)


def test_slices_and_frozen_layers_are_trained_in_c_too(tmp_path: Path) -> None:
    graph = bottleneck()
    layers = [node.name for node in scheme.weighted_layers(graph)]
    chosen = UpdateScheme(frozenset(layers[4:]), {layers[3]: 3, layers[4]: 5, layers[6]: 8})
    step = differentiate(graph, chosen, Settings(learning_rate=RATE))
    inputs = samples(graph, [1, 2, 3])
    result = run(program(step, "host", tmp_path / "net"), inputs)
    assert_equal(step, inputs, result.outputs)
    assert (tmp_path / "net" / "net_frozen.c").exists()


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc: apt-get install gcc")
@pytest.mark.parametrize("name", ["bottleneck", "grouped"])
def test_stochastic_rounding_is_replayed(name: str, tmp_path: Path) -> None:
    graph = NETWORKS[name]()
    how = Settings(learning_rate=RATE, weights="stochastic", seed=7)
    step = differentiate(graph, scheme.full(graph), how)
    inputs = samples(graph, [1, 2, -1, 3])
    assert_equal(step, inputs, trapped_outputs(step, inputs, tmp_path))


def test_squared_errors_train_in_c_too(tmp_path: Path) -> None:
    graph = bottleneck()
    how = Settings(learning_rate=RATE, loss="squared_error")
    step = differentiate(graph, scheme.full(graph), how)
    targets = np.random.default_rng(0).integers(-50, 50, (3, 1, 5)).astype(np.int8)
    inputs = [np.stack([image(graph, i) for i in range(3)]), targets]
    result = run(program(step, "host", tmp_path / "net"), inputs)
    assert_equal(step, inputs, result.outputs)


@pytest.mark.skipif(
    not shutil.which("qemu-system-arm"), reason="needs apt-get install qemu-system-arm"
)
@pytest.mark.parametrize("target", ["cortex-m4", "cortex-m7", "cortex-m55"])
def test_boards_train_as_numpy_does(target: str, tmp_path: Path) -> None:
    graph = bottleneck()
    step = differentiate(graph, scheme.full(graph), Settings(learning_rate=RATE))
    inputs = samples(graph, [1, 2, 0])
    result = run(program(step, target, tmp_path / "net"), inputs)
    assert_equal(step, inputs, result.outputs)
    assert result.arena_watermark is not None
    arena = plan_step(step, load_target(target)).arena
    assert arena - 4 < result.arena_watermark <= arena


def _trapping(folder: Path) -> Path:
    """A library that stops at the first undefined behaviour."""
    sources = load_sources(folder)
    flags = ["-std=c99", "-O1", "-shared", "-fPIC", "-ffp-contract=off", "-DEDGE_PROFILE"]
    flags += ["-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
    marks = folder / "marks.c"
    marks.write_text(
        "#include <stdint.h>\nint64_t edge_marks[1]; int32_t edge_mark_count;\n"
        "void edge_mark(void); void edge_mark(void) {}\n"
    )
    files = [str(folder / file) for file in sources.files]
    includes = [f"-I{path}" for path in sources.include_folders]
    library = folder / "trapping.so"
    command = ["gcc", *flags, *includes, *files, str(marks), "-o", str(library)]
    subprocess.run(command, check=True, capture_output=True)
    return library


def trapped_outputs(step: Step, inputs: list[Array], tmp_path: Path) -> list[Array]:
    """What a program gives that stops at the first undefined behaviour."""
    import edge.runners.host_process as process

    folder = written(step, "host", tmp_path / "net")
    sources, library = load_sources(folder), _trapping(folder)
    fed = samples_of(sources, inputs)
    (tmp_path / "input.bin").write_bytes(fed.tobytes())
    sizes = [",".join(map(str, tensors)) for tensors in (sources.inputs, sources.outputs)]
    command = [sys.executable, "-P", process.__file__, str(library), sources.name]
    subprocess.run(
        [*command, str(sources.arena), *sizes, "0"], cwd=tmp_path, check=True, capture_output=True
    )
    return outputs_of(sources, (tmp_path / "output.bin").read_bytes(), len(fed))


def random_training(seed: int) -> tuple[Step, list[Array]]:
    """Ten steps that train everything, then an inference."""
    graph = random_network(seed)
    step = differentiate(graph, scheme.full(graph), Settings(learning_rate=RATE))
    classes = graph.type(graph.outputs[0]).elements
    return step, samples(graph, [*(index % classes for index in range(10)), -1])


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc: apt-get install gcc")
@pytest.mark.parametrize("seed", range(20))
def test_random_networks_train_ten_steps_as_numpy_does(seed: int, tmp_path: Path) -> None:
    step, inputs = random_training(seed)
    assert_equal(step, inputs, trapped_outputs(step, inputs, tmp_path))


@pytest.mark.skipif(
    not shutil.which("qemu-system-arm"), reason="needs apt-get install qemu-system-arm"
)
@pytest.mark.parametrize("seed", range(20, 24))
def test_random_networks_train_ten_steps_on_a_board_too(seed: int, tmp_path: Path) -> None:
    step, inputs = random_training(seed)
    result = run(program(step, "cortex-m7", tmp_path / "net"), inputs)
    assert_equal(step, inputs, result.outputs)


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc: apt-get install gcc")
@pytest.mark.parametrize("name", [*NETWORKS, pytest.param("mcunet", marks=needed)])
def test_nothing_undefined_happens(name: str, tmp_path: Path) -> None:
    """Also with a learning rate that drives everything into saturation."""
    if name == "mcunet":
        graph = mcunet10()
        chosen = published_scheme(graph, 49)
    else:
        graph = NETWORKS[name]()
        chosen = scheme.full(graph)
    step = differentiate(graph, chosen, Settings(learning_rate=100.0))
    inputs = samples(graph, [1, 3])
    assert_equal(step, inputs, trapped_outputs(step, inputs, tmp_path))


@pytest.mark.parametrize("name", NETWORKS)
def test_an_independent_checker_accepts_every_plan(name: str) -> None:
    graph = NETWORKS[name]()
    plan = plan_step(differentiate(graph, scheme.full(graph)), load_target("host"))
    for tail in (plan.training, plan.inference):
        check_tail(tail)
        assert tail.arena >= tail.bound


def test_the_checker_sees_a_value_that_is_moved(tmp_path: Path) -> None:
    from dataclasses import replace

    graph = bottleneck()
    tail = plan_step(differentiate(graph, scheme.full(graph)), load_target("host")).training
    caught = 0
    for name, at in tail.offsets.items():
        for other in (at + 4, at - 4):
            try:
                check_tail(replace(tail, offsets={**tail.offsets, name: other}))
            except PlanError:
                caught += 1
    assert caught > len(tail.offsets)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(1, 6)), max_size=5))
def test_moves_never_destroy_what_is_still_to_be_moved(drawn: list[tuple[int, int, int]]) -> None:
    """Sources are laid out apart from each other, and so are destinations."""
    places, at, to = [], 0, 0
    for before, gap, size in drawn:
        places.append((to + gap, at + before, size))
        at, to = at + before + size, to + gap + size
    moves = [Move(4 * t, 4 * s, 4 * n) for (t, _, n), (_, s, _) in zip(places, places, strict=True)]
    memory = np.full(4 * 400, -1)
    for index, move in enumerate(moves):
        memory[move.source : move.source + move.size] = index
    for move in in_safe_order(moves[::-1]):
        memory[move.to : move.to + move.size] = memory[move.source : move.source + move.size].copy()
    for index, move in enumerate(moves):
        assert (memory[move.to : move.to + move.size] == index).all()


def test_values_that_trade_places_go_out_of_the_way() -> None:
    swap = [Move(0, 8, 8), Move(8, 0, 8)]
    assert in_safe_order(swap) == [Move(16, 8, 8), Move(8, 0, 8), Move(0, 16, 8)]
