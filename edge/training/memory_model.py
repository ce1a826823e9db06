"""Bytes that a sparse update adds to inference, as a sum over layers.

The model of Lin et al., On-Device Training Under 256KB Memory (NeurIPS 2022): trained weights in
int8, trained biases in four bytes, the input slices that weight gradients read, and one clip bit
for each output of a layer whose bias is trained. It leaves out the low bytes of the weights, the
masks of residual sums and everything that inference needs too; `selection` plans for real.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class LayerGeometry:
    """What the model needs to know of a weighted layer; sizes are those of one sample."""

    in_channels: int
    out_channels: int
    taps: int
    groups: int
    in_positions: int
    out_positions: int

    def trained_channels(self, ratio: float | Fraction) -> int:
        """The first floor(ratio * in_channels) input channels."""
        return int(ratio * self.in_channels)

    def weights(self, ratio: float | Fraction) -> int:
        """Trained weights."""
        return self.trained_channels(ratio) * self.out_channels // self.groups * self.taps

    def saved_inputs(self, ratio: float | Fraction) -> int:
        """Bytes of the input slice that the weight gradient reads."""
        return self.trained_channels(ratio) * self.in_positions

    @property
    def outputs(self) -> int:
        return self.out_channels * self.out_positions


@dataclass(frozen=True)
class ExtraMemory:
    """The parts of the sum, in bytes but for `biases`, which counts values of four bytes."""

    weights: int
    biases: int
    saved_inputs: int
    clip_masks: int

    @property
    def total(self) -> int:
        return self.weights + 4 * self.biases + self.saved_inputs + self.clip_masks


def extra_memory(
    layers: Mapping[int, LayerGeometry],
    bias_layers: int,
    ratios: Sequence[tuple[int, float | Fraction]],
) -> ExtraMemory:
    """Bytes for training the biases of the last `bias_layers` layers and parts of some weights.

    `layers` are numbered in execution order up to the last; earlier ones may be left out if
    nothing of them is trained. `ratios` lists (layer, share of its input channels).
    """
    end = max(layers) + 1
    trained = [layers[index] for index in range(end - bias_layers, end)]
    bits = sum(layer.outputs for layer in trained)
    return ExtraMemory(
        sum(layers[index].weights(ratio) for index, ratio in ratios),
        sum(layer.out_channels for layer in trained),
        sum(layers[index].saved_inputs(ratio) for index, ratio in ratios),
        -(-bits // 8),
    )
