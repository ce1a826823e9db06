"""Scales of activations from what the float model computes on calibration text."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.frontends.llama.decoder import Decoder, Floats
from edge.ir import Quantization
from edge.quantization.llama.float_steps import Ids, each_step

_CLIPS = np.linspace(0.4, 1.0, 25)
_LOOKED_AT = 1 << 14  # values that a scale is chosen by
_HEADROOM = 1.5  # of the stream above what was seen: int16 has bits to spare
_SILU_LEAST = -0.2785  # the minimum of silu


class Seen:
    """All values of activations, by name."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Floats]] = {}

    def __call__(self, name: str, values: Floats) -> None:
        self._parts.setdefault(name, []).append(values)

    def values(self) -> dict[str, Floats]:
        """float[samples, channels] by name."""
        return {name: np.concatenate(parts) for name, parts in self._parts.items()}


def observed(decoder: Decoder, ids: Ids, window: int) -> dict[str, Floats]:
    """What each activation was on `ids` [sequences, length]."""
    seen = Seen()
    for _ in each_step(decoder, ids, window, seen):
        pass
    return seen.values()


def reach(values: Mapping[str, Floats]) -> dict[str, Floats]:
    """The largest magnitude of each channel."""
    return {name: np.abs(x).max(axis=0) for name, x in values.items()}


def quantizations(values: Mapping[str, Floats]) -> dict[str, Quantization]:
    """How each activation of the int8 graph is stored.

    The stream is int16 with room to spare. Keys have one scale before and after they are turned and
    are never clipped, nor are queries: what attention picks depends on the largest. Others have the
    scale of the smallest mean squared error.
    """
    stream = max(float(np.abs(x).max()) for name, x in values.items() if _is_stream(name))
    wide = Quantization.per_tensor(_HEADROOM * stream / 32767, 0)
    found = {}
    for name, x in values.items():
        if _is_stream(name):
            found[name] = wide
        elif name.endswith("_silu"):
            found[name] = _one_sided(x)
        elif name.endswith(("_q", "_k")):
            found[name] = _unclipped(x, *([values[f"{name}_turned"]] if name.endswith("k") else []))
        elif not name.endswith("_turned"):
            found[name] = Quantization.per_tensor(best_scale(x), 0)
    return found


def _is_stream(name: str) -> bool:
    return name == "embedded" or name.endswith(("_attended", "_stream"))


def _unclipped(*arrays: Floats) -> Quantization:
    largest = max(float(np.abs(x).max()) for x in arrays)
    return Quantization.per_tensor(max(largest, 1e-6) / 127, 0)


def best_scale(x: Floats, levels: int = 127) -> float:
    """The scale of a symmetric grid with the smallest squared error on x."""
    largest = max(float(np.abs(x).max()), 1e-6)
    scales = _CLIPS * largest / levels
    flat = _some(x)
    errors = [_error(flat, scale, -levels - 1, levels) for scale in scales]
    return float(scales[int(np.argmin(errors))])


def _one_sided(x: Floats) -> Quantization:
    """Of values from the minimum of silu on."""
    largest = max(float(x.max()), 0.1)
    tries = [_affine(_SILU_LEAST, clip * largest) for clip in _CLIPS]
    flat = _some(x)
    errors = [_error(flat, s, -128 - z, 127 - z) for s, z in tries]
    return Quantization.per_tensor(*tries[int(np.argmin(errors))])


def _affine(low: float, high: float) -> tuple[float, int]:
    scale = (high - low) / 255
    return scale, round(-128 - low / scale)


def _some(x: Floats) -> Floats:
    """Some values of x, drawn at random, and the largest."""
    flat = x.reshape(-1)
    if flat.size <= _LOOKED_AT:
        return flat
    drawn = flat[np.random.default_rng(0).integers(0, flat.size, _LOOKED_AT)]
    return np.append(drawn, flat[np.abs(flat).argmax()])


def _error(x: Floats, scale: float, low: int, high: int) -> float:
    stored = np.clip(np.rint(x / scale), low, high) * scale
    return float(np.square(stored - x).sum())
