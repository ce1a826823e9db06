"""The networks that every target must run: what they are called, how they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any

import numpy as np

import edge
from edge.ir import Graph
from edge.ir.types import Array

_CALIBRATION = 8


@dataclass(frozen=True)
class Network:
    """A module of tests.models whose `make(**settings)` gives a torch module and example inputs."""

    name: str
    module: str
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    @property
    def exists(self) -> bool:
        return find_spec(f"tests.models.{self.module}") is not None

    def graph(self) -> Graph:
        """The int8 graph, quantized with the examples and with noise of their shapes."""
        module, inputs = import_module(f"tests.models.{self.module}").make(**self.settings)
        examples = tuple(x.numpy() for x in inputs)
        rng = np.random.default_rng(0)
        noise = [tuple(_noise(x, rng) for x in examples) for _ in range(_CALIBRATION)]
        return edge.quantize((module, inputs), [examples, *noise], progress=False)


def _noise(example: Array, rng: np.random.Generator) -> Array:
    made: Array = rng.standard_normal(example.shape).astype(example.dtype)
    return made


def _image(name: str, module: str, width: float, size: int, classes: int = 10) -> Network:
    settings = {"width": width, "size": size, "classes": classes}
    return Network(f"{name} {width:g}/{size}", module, settings)


SMALL = (
    Network("MCUNet-5FPS", "mcunet_float"),
    _image("MobileNet-v1", "mobilenet_v1", 0.25, 96),
    _image("MobileNet-v2", "mobilenet_v2", 0.35, 96),
    _image("MobileNet-v3-small", "mobilenet_v3", 0.35, 96),
    _image("EfficientNet-lite0", "efficientnet_lite0", 0.25, 96),
    _image("ResNet-18", "resnet18", 0.25, 64),
    Network("ViT", "vit"),
    Network("GRU", "gru"),
    Network("wake word", "wake_word"),
)
"""What microcontrollers have the memory for."""

LARGE = (
    _image("MobileNet-v1", "mobilenet_v1", 1.0, 224, 1000),
    _image("MobileNet-v2", "mobilenet_v2", 1.0, 224, 1000),
    _image("MobileNet-v3-small", "mobilenet_v3", 1.0, 224, 1000),
    _image("EfficientNet-lite0", "efficientnet_lite0", 1.0, 224, 1000),
    _image("ResNet-18", "resnet18", 1.0, 224, 1000),
)
"""The published sizes."""
