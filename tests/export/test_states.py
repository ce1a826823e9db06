"""Models with states: exported, reset, run along sequences, equal to the reference all along."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import edge
from edge.ir import Graph
from edge.reference import Session, run_batch
from edge.workflow.samples import quantize
from tests.models import wake_word

ROWS = 40


def recording(rows: int = ROWS, seed: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, wake_word.FEATURES, rows, generator=generator)


def as_stream(x: torch.Tensor) -> np.ndarray:
    """[rows, 40, 1]: the samples of the streaming network."""
    return np.ascontiguousarray(x.numpy()[0].T[:, :, None])


def stored(graph: Graph, x: np.ndarray) -> np.ndarray:
    quantization = graph.type(graph.inputs[0]).quantization
    assert quantization is not None
    return quantize(x, quantization.scale[0], quantization.zero_point[0])


@pytest.fixture(scope="module")
def streaming() -> Graph:
    return edge.quantize(wake_word.make(), as_stream(recording()), progress=False)


def test_the_streaming_network_is_the_causal_one_in_torch() -> None:
    x, (module, _) = recording(), wake_word.make()
    with torch.no_grad():
        rows = torch.cat([module(x[:, :, t : t + 1]) for t in range(ROWS)], dim=2)
        torch.testing.assert_close(rows, wake_word.causal()(x))


def test_the_float_graph_streams_as_torch_does() -> None:
    x = recording()
    scores = run_batch(edge.load(wake_word.make()).graph, [as_stream(x)])[0]
    with torch.no_grad():
        expected = wake_word.causal()(x).numpy()[0].T
    np.testing.assert_allclose(scores[:, :, 0], expected, rtol=1e-4, atol=1e-4)


def test_in_int8_the_stream_equals_the_whole_recording_bit_for_bit(streaming: Graph) -> None:
    x = recording()
    whole = edge.quantize((wake_word.causal(), (x,)), x.numpy(), progress=False)
    at_once = run_batch(whole, [stored(whole, x.numpy())])[0][0]
    scores = run_batch(streaming, [stored(streaming, as_stream(x))])[0][:, :, 0]
    np.testing.assert_array_equal(scores.T, at_once)


def test_a_state_is_read_and_written_in_one_quantization(streaming: Graph) -> None:
    assert streaming.states
    for state in streaming.states:
        assert streaming.type(state.read) == streaming.type(state.written)


def test_calibration_sees_what_the_states_hold() -> None:
    """A sum over the sequence: its range is that of the whole sequence, not of one sample."""
    module = Memory(lambda old, x: old + x)
    int8 = edge.quantize(
        (module, (torch.ones(1, 4),)), np.ones((30, 4), np.float32), progress=False
    )
    quantization = int8.type(int8.states[0].read).quantization
    assert quantization is not None
    assert quantization.scale[0] * (127 - quantization.zero_point[0]) == pytest.approx(30, rel=0.02)


@pytest.mark.parametrize("target", ["host", "cortex-m7", "aarch64", "wasm32"])
def test_sequences_equal_the_reference(streaming: Graph, target: str, tmp_path: Path) -> None:
    edge.export(streaming, target, tmp_path / "wake")
    x = stored(streaming, as_stream(recording(24, seed=5)))
    assert edge.verify(tmp_path / "wake", inputs=[x]).mismatches == 0
    stored_ones = edge.verify(tmp_path / "wake")
    assert stored_ones.mismatches == 0
    assert stored_ones.samples >= 12


def test_counting_keeps_the_sequence(streaming: Graph, tmp_path: Path) -> None:
    edge.export(streaming, "cortex-m7", tmp_path / "wake")
    measured = edge.bench(tmp_path / "wake")
    assert measured.instructions
    assert measured.layers[-1]["instructions"] is not None


def test_the_exported_program_checks_itself(streaming: Graph, tmp_path: Path) -> None:
    folder = edge.export(streaming, "host", tmp_path / "wake").out
    sources = [str(path) for path in folder.rglob("*.c") if path.name != "frame.c"]
    include = [f"-I{folder}", f"-I{folder}/edge/include", f"-I{folder}/test"]
    program = tmp_path / "verify"
    subprocess.run(["cc", "-O1", *include, *sources, "-o", str(program)], check=True)
    assert subprocess.run([str(program)], check=False, capture_output=True).returncode == 0


class Memory(nn.Module):
    """Keeps what `update` makes of the memory and the input, and returns it."""

    def __init__(self, update, initial: torch.Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("memory", torch.zeros(1, 4) if initial is None else initial)
        self.update = update

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        new = self.update(self.memory, x)
        self.memory.copy_(new)
        return new


@pytest.mark.parametrize(
    "initial", [torch.full((1, 4), 0.75), torch.tensor([[0.5, -1.0, 0.25, 2.0]])]
)
def test_the_first_inference_starts_from_the_initial_value(
    initial: torch.Tensor, tmp_path: Path
) -> None:
    """Without any reset by the caller, and again after one."""
    module = Memory(lambda old, x: 0.5 * old + x, initial)
    samples = np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32)
    int8 = edge.quantize((module, (torch.zeros(1, 4),)), samples, progress=False)
    edge.export(int8, "host", tmp_path / "memory", name="memory")
    assert edge.verify(tmp_path / "memory", inputs=[stored(int8, samples)]).mismatches == 0
    first = run_batch(int8, [stored(int8, samples[:1])])[0]
    np.testing.assert_array_equal(Session(int8).run_batch([stored(int8, samples[:1])])[0], first)


def test_rows_of_a_frame_are_taken_by_a_model_with_states(tmp_path: Path) -> None:
    class Difference(nn.Module):
        """The difference to the frame before, averaged over the picture."""

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("before", torch.zeros(1, 2, 4, 4))
            self.conv = nn.Conv2d(3, 2, 3, stride=2, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            now = self.conv(x)
            change = now - self.before
            self.before.copy_(now)
            return change.mean(dim=(2, 3))

    frames = np.random.default_rng(1).standard_normal((16, 3, 8, 8)).astype(np.float32)
    torch.manual_seed(0)
    int8 = edge.quantize((Difference(), (torch.zeros(1, 3, 8, 8),)), frames, progress=False)
    for form in ("arena", "rows"):
        edge.export(int8, "cortex-m7", tmp_path / form, input=form, sram="min")
        assert edge.verify(tmp_path / form).mismatches == 0
