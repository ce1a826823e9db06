"""The float kernels in vectors of four equal the numpy reference in every bit: wasmtime and qemu.

All cases of a machine are one program; each test looks at the cases of one topic.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from edge.errors import EdgeError
from edge.target import load_target
from edge.toolchains import find_toolchain
from tests.emulators import wasm_module
from tests.emulators.dsp_firmware import run_cases
from tests.emulators.f32x4_cases import TOPICS, Topic, all_cases, fused, fused_cases, is_product

cases_of = cache(all_cases)
fused_cases_of = cache(fused_cases)


def _wasm(folder: Path) -> list[str]:
    pytest.importorskip("wasmtime", reason="pip install wasmtime")
    return wasm_module.failures(cases_of(), folder)


def _relaxed(folder: Path) -> list[str]:
    pytest.importorskip("wasmtime", reason="pip install wasmtime")
    return wasm_module.failures(fused_cases_of(), folder, target="wasm32-relaxed")


def _aarch64(compiler: str, folder: Path) -> list[str]:
    target = load_target("aarch64")
    if not shutil.which(target.emulator):
        pytest.skip(f"{target.emulator} is missing: apt-get install qemu-user")
    try:
        find_toolchain(compiler, target)
    except EdgeError as error:
        pytest.skip(str(error))
    cases = [*cases_of(), *(replace(c, name=f"{c.name} fused") for c in fused_cases_of())]
    return run_cases(cases, "aarch64", compiler, folder).failed


@pytest.fixture(scope="module", params=["wasm", "relaxed", "aarch64-zig", "aarch64-gcc"])
def failed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("f32x4")
    if request.param == "wasm":
        return _wasm(folder)
    if request.param == "relaxed":
        return _relaxed(folder)
    return _aarch64(request.param.removeprefix("aarch64-"), folder)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.__name__)
def test_every_bit_equals_the_reference(failed: list[str], topic: Topic) -> None:
    assert [name for name in failed if name.startswith(f"{topic.__name__}:")] == []


def test_the_planner_accepts_every_case() -> None:
    cases = (*cases_of(), *fused_cases_of())
    refused = [c.name for c in cases if not c.chosen.accepts(c.graph, c.graph.nodes[0])]
    assert refused == []


def test_no_kernel_takes_a_case_of_the_other_arithmetic() -> None:
    taken = []
    for case in filter(is_product, cases_of()):
        other = fused(case)
        taken += [case.name for a, b in ((case, other), (other, case))
                  if a.chosen.accepts(b.graph, b.graph.nodes[0])]  # fmt: skip
    assert taken == []
