"""How far an int8 graph is from its float graph, layer by layer and in its answers.

SQNR is the signal-to-quantization-noise ratio in dB: 10 log10(sum float^2 / sum (float - int8)^2).
Each layer is measured twice: alone, fed with the float values of its inputs, quantized; and
cumulative, with all the error of the layers before it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edge import reference
from edge.errors import fail
from edge.ir import DType, Graph, Node
from edge.ir.types import Array
from edge.quantization.affine import dequantize, quantize_activation
from edge.quantization.calibration import Sample, Source, batches, samples
from edge.quantization.sharing import activation_inputs, activations

BATCH = 8
SILENT = 300.0  # dB, reported where there is no error at all


@dataclass(frozen=True)
class Layer:
    """The error of one layer's output in dB: of the layer alone, and with that of all before it."""

    name: str
    op: str
    output: str
    sqnr_db: float
    cumulative_db: float


@dataclass(frozen=True)
class Report:
    """Float against int8 over `samples` inputs.

    `agreement` is the share of samples whose largest output is the same; accuracies are shares of
    labels met, None without labels. All refer to the first output of the model.
    """

    samples: int
    layers: tuple[Layer, ...]
    output_sqnr_db: float
    output_max_error: float
    agreement: float
    float_accuracy: float | None = None
    int8_accuracy: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data: numbers, strings, lists and dicts."""
        return {**asdict(self), "layers": [asdict(layer) for layer in self.layers]}

    @property
    def worst(self) -> tuple[Layer, ...]:
        """Layers by the error they add themselves, the worst first."""
        return tuple(sorted(self.layers, key=lambda layer: layer.sqnr_db))


def compare(
    float_graph: Graph,
    int8_graph: Graph,
    source: Source,
    labels: npt.ArrayLike | None = None,
) -> Report:
    """Measure int8_graph against float_graph, from which it was made, on the samples of a source.

    Layers are matched by the name of their output; those that passes have given fewer channels or
    another name have no row. `labels` holds the class of each sample.
    Raises EdgeError as edge.quantization.calibration.samples does, and E0202 if the number of
    labels is not the number of samples.
    """
    comparison = _Comparison(float_graph, int8_graph)
    for batch in batches(samples(source, float_graph), BATCH):
        comparison.add(batch)
    return comparison.report(labels)


@dataclass
class _Noise:
    """Sums over everything seen; merged value by value so that no activation is kept."""

    signal: float = 0.0
    noise: float = 0.0
    largest: float = 0.0

    def add(self, expected: Array, actual: Array) -> None:
        signal = expected.astype(np.float64)
        error = actual.astype(np.float64) - signal
        self.signal += float(np.square(signal).sum())
        self.noise += float(np.square(error).sum())
        self.largest = max(self.largest, float(np.abs(error).max()))

    @property
    def sqnr_db(self) -> float:
        if self.noise == 0.0:
            return SILENT
        return 10 * math.log10(max(self.signal, np.finfo(np.float64).tiny) / self.noise)


class _Comparison:
    """Runs both graphs batch by batch and adds up signal and noise of each layer."""

    def __init__(self, float_graph: Graph, int8_graph: Graph) -> None:
        self.float_graph, self.int8_graph = float_graph, int8_graph
        self.sessions = (reference.Session(float_graph), reference.Session(int8_graph))
        self.origins = _origins(float_graph, int8_graph)
        self.layers = [
            node
            for node in int8_graph.nodes
            if {node.output, *activation_inputs(int8_graph, node)} <= set(self.origins)
        ]
        self.alone = {node.name: _Noise() for node in self.layers}
        self.cumulative = {node.name: _Noise() for node in self.layers}
        self.output = _Noise()
        self.classes: list[npt.NDArray[np.integer]] = []

    def add(self, batch: Sample) -> None:
        floats = _all_values(self.sessions[0], batch)
        expected = {name: floats[origin] for name, origin in self.origins.items()}
        stored = {name: self._stored(name, batch[name]) for name in self.int8_graph.inputs}
        actual = _all_values(self.sessions[1], stored)
        for node in self.layers:
            reached = self._real(node.output, actual[node.output])
            self.cumulative[node.name].add(expected[node.output], reached)
            self.alone[node.name].add(expected[node.output], self._run_alone(node, expected))
        result = self.int8_graph.outputs[0]
        self._add_output(floats[self.float_graph.outputs[0]], self._real(result, actual[result]))

    def _add_output(self, expected: Array, actual: Array) -> None:
        self.output.add(expected, actual)
        answers = [values.reshape(len(values), -1).argmax(axis=1) for values in (expected, actual)]
        self.classes.append(np.stack(answers, axis=1))

    def _run_alone(self, node: Node, expected: Mapping[str, Array]) -> Array:
        names = activation_inputs(self.int8_graph, node)
        alone = replace(self.int8_graph, inputs=tuple(names), outputs=node.outputs, states=())
        inputs = {name: self._stored(name, expected[name]) for name in names}
        session = reference.Session(alone.with_nodes((node,)))
        return self._real(node.output, _all_values(session, inputs)[node.output])

    def _stored(self, name: str, real: Array) -> Array:
        quantization = self.int8_graph.type(name).quantization
        return quantize_activation(real, quantization) if quantization else real

    def _real(self, name: str, stored: Array) -> Array:
        quantization = self.int8_graph.type(name).quantization
        return dequantize(stored, quantization) if quantization else stored

    def report(self, labels: npt.ArrayLike | None) -> Report:
        classes = np.concatenate(self.classes)
        float_accuracy, int8_accuracy = _accuracies(classes, labels)
        return Report(
            len(classes),
            tuple(self._layer(node) for node in self.layers),
            self.output.sqnr_db,
            self.output.largest,
            float((classes[:, 0] == classes[:, 1]).mean()),
            float_accuracy,
            int8_accuracy,
        )

    def _layer(self, node: Node) -> Layer:
        alone, cumulative = self.alone[node.name].sqnr_db, self.cumulative[node.name].sqnr_db
        return Layer(node.name, node.op, node.output, alone, cumulative)


def _origins(float_graph: Graph, int8_graph: Graph) -> dict[str, str]:
    """For each int8 activation the float value it stands for: the same name, or that of the
    tensor it was requantized from. Tensors that lost constant channels stand for none."""
    origins: dict[str, str] = {}
    for name in activations(int8_graph):
        producer = int8_graph.producers.get(name)
        if _is_float_activation(float_graph, name):
            if float_graph.type(name).shape == int8_graph.type(name).shape:
                origins[name] = name
        elif producer and producer.op == "requantize" and producer.inputs[0] in origins:
            origins[name] = origins[producer.inputs[0]]
    return origins


def _is_float_activation(graph: Graph, name: str) -> bool:
    value = graph.values.get(name)
    return value is not None and not value.is_constant and value.type.dtype is DType.FLOAT32


def _all_values(session: reference.Session, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Every activation, [samples, ...]."""
    graph = session.graph
    parts: dict[str, list[Array]] = {}

    def seen(name: str, value: Array) -> None:
        has_batch = graph.type(name).shape[:1] == (1,)
        parts.setdefault(name, []).append(value if has_batch else value[None])

    session.run_batch([inputs[name] for name in graph.inputs], observe=seen)
    return {name: np.concatenate(values) for name, values in parts.items()}


def _accuracies(
    classes: npt.NDArray[np.integer], labels: npt.ArrayLike | None
) -> tuple[float | None, float | None]:
    if labels is None:
        return None, None
    expected = np.asarray(labels)
    if expected.shape != (len(classes),):
        raise fail("E0202", f"labels of shape {expected.shape} for {len(classes)} samples")
    float_share, int8_share = (classes == expected[:, None]).mean(axis=0)
    return float(float_share), float(int8_share)
