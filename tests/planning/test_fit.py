"""A model that does not fit is refused before anything is built, with what would fit."""

from __future__ import annotations

import pytest

from edge.errors import EdgeError
from edge.planning import check_fit, occupancy, plan
from edge.planning.occupancy import Resident, occupied
from edge.target import Target
from tests.planning import nets


def portable_kernels_on(cortex_m7: Target) -> Target:
    from dataclasses import replace

    return replace(cortex_m7, kernels=("ref",))


def test_memory_is_arena_plus_stack_and_constants_plus_code(cortex_m7: Target) -> None:
    target = portable_kernels_on(cortex_m7)
    graph = nets.kws()
    made = plan(graph, target)
    sizes = check_fit(graph, made, target)
    assert sizes["arena"] == made.arena == 8_640
    assert sizes["sram_needed"] == 8_640 + target.stack
    weights = 64 * 40 + 4 * (64 * 9 + 64 * 64) + 64 * 12
    channels = 64 + 4 * (64 + 64) + 12
    assert sizes["weights"] == weights + 5 * channels
    assert sizes["sram_budget"] == 256 * 1024


def test_target_without_limits_takes_everything(portable: Target) -> None:
    graph = nets.mobilenet_v2()
    assert check_fit(graph, plan(graph, portable), portable)["sram_budget"] == 0


def test_too_little_sram_names_the_peak_and_a_size_that_fits(cortex_m7: Target) -> None:
    target = portable_kernels_on(cortex_m7)
    graph = nets.kws()
    made = plan(graph, target)
    with pytest.raises(EdgeError) as refusal:
        check_fit(graph, made, target.with_memory(sram="12K"))
    [diagnostic] = refusal.value.diagnostics
    assert diagnostic.code == "E0301"
    assert "12,736 B" in diagnostic.title
    assert "8,640 B at depthwise_conv2d" in diagnostic.where
    assert diagnostic.help == ("it fits a part with 13K: --sram 13K",)
    assert check_fit(graph, made, target.with_memory(sram="13K"))


def test_suggested_flash_fits(cortex_m7: Target) -> None:
    target = portable_kernels_on(cortex_m7)
    graph = nets.ad()
    made = plan(graph, target)
    with pytest.raises(EdgeError) as refusal:
        check_fit(graph, made, target.with_memory(flash="128K"))
    [diagnostic] = refusal.value.diagnostics
    assert diagnostic.code == "E0302"
    assert "81,920 B" in diagnostic.where
    size = diagnostic.help[0].split()[-1]
    assert check_fit(graph, made, target.with_memory(flash=size))


def test_both_memories_are_reported_at_once(cortex_m7: Target) -> None:
    target = portable_kernels_on(cortex_m7)
    graph = nets.vww()
    with pytest.raises(EdgeError) as refusal:
        check_fit(graph, plan(graph, target), target.with_memory(sram="16K", flash="64K"))
    assert [d.code for d in refusal.value.diagnostics] == ["E0301", "E0302"]
    assert refusal.value.exit_status == 1


def test_shared_bytes_are_occupied_once() -> None:
    residents = [Resident("a", 0, 10), Resident("b", 4, 12), Resident("c", 20, 4)]
    assert occupied(residents) == 20


def test_ring_is_resident_in_its_stage_only(portable: Target) -> None:
    graph = nets.resnet()
    made = plan(graph, portable)
    found = [{r.name: r.size for r in stage} for stage in occupancy(graph, made)]
    assert [stage["t2"] for stage in found if "t2" in stage] == [512]
    assert found[2].keys() == {"t0", "t1", "t2", "t3"}


def test_renamed_tensor_is_resident_once(portable: Target) -> None:
    net = nets.Net()
    x = net.node("reshape", net.conv(net.input(1, 4, 4, 2), 2), shape=(1, 32))
    graph = net.graph(net.linear(x, 8))
    stages = occupancy(graph, plan(graph, portable))
    assert [[r.name for r in stage] for stage in stages] == [["x0", "t0"], ["t0"], ["t0", "t2"]]
