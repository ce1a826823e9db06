"""From an int8 graph and an update scheme to the graph of one training step.

Reverse-mode differentiation at compile time: the result is one graph of forward, backward and
update nodes in execution order. The backward part stops at the first layer with an update, and an
operator keeps only what its gradient reads.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from edge.errors import Diagnostic, EdgeError, fail
from edge.ir import DType, Graph, Node, TensorType, Value
from edge.quantization.constants import per_tensor
from edge.training import forward
from edge.training.headroom import with_headroom
from edge.training.rules import RULES, TAKE_WIDE
from edge.training.scales import LOGIT_BITS, MANTISSA_BITS, PROBABILITY_BITS
from edge.training.scheme import UpdateScheme, checked
from edge.training.tape import Gradient, Settings, Tape

LABEL, TARGET = "label", "target"


@dataclass(frozen=True, eq=False)
class Step:
    """A training step: inputs are those of the model and the label; states are what it trains.

    The output is the model's, before the update and without a final softmax.
    """

    graph: Graph
    scheme: UpdateScheme
    settings: Settings


def differentiate(graph: Graph, scheme: UpdateScheme, settings: Settings | None = None) -> Step:
    """The training step of an int8 graph with one output.

    Raises EdgeError E0017 for a scheme or settings that do not suit the graph, E0103 for operators
    without a gradient rule between the first trained layer and the output.
    """
    settings = _usable(settings or Settings())
    model = scores_of(graph, settings)
    flows = _flows(model, checked(model, scheme))
    _check_rules(model, flows)
    tape = Tape(model, scheme, settings, flows)
    for name in model.inputs:
        tape.borrow(name)
    if settings.weights == "stochastic" and scheme.weights:
        tape.counter = tape.state("steps", np.zeros(1, np.int32))
    for node in model.nodes:
        forward.record(tape, node)
    _record_backward(tape)
    if tape.counter:
        steps = {f"{tape.counter}_next": tape.type(tape.counter)}
        tape.updated(tape.counter, *tape.node("count", "count", (tape.counter,), steps))
    return Step(_finished(tape), scheme, settings)


def scores_of(graph: Graph, settings: Settings) -> Graph:
    """The model that a step computes: up to its scores, with their headroom."""
    model = _without_softmax(graph)
    return with_headroom(model, settings.headroom) if settings.headroom != 1 else model


def _usable(settings: Settings) -> Settings:
    if not (np.isfinite(settings.learning_rate) and settings.learning_rate > 0):
        raise fail("E0017", f"the learning rate {settings.learning_rate} is not a positive number")
    for value, known in (
        (settings.loss, ("cross_entropy", "squared_error")),
        (settings.gradients, ("int8", "float32")),
        (settings.weights, ("q8.8", "stochastic")),
        (settings.masks, ("none", "fixed", "dynamic")),
    ):
        if value not in known:
            raise fail("E0017", f"unknown setting {value!r}", help=[" or ".join(known)])
    if not 0 < settings.gradient_share <= 1:
        raise fail("E0017", f"a share of {settings.gradient_share} channels is not in (0, 1]")
    if settings.replay < 0 or settings.replays < 0:
        raise fail("E0017", f"cannot keep {settings.replay} samples, replay {settings.replays}")
    if settings.replay and settings.loss != "cross_entropy":
        raise fail("E0017", "replay keeps classes, not the targets of a squared error")
    _check_range("easy", settings.easy, 0, 1)
    if settings.easy and not (settings.is_int8 and settings.loss == "cross_entropy"):
        raise fail("E0017", "easy samples are told by the int8 gradients of a cross-entropy")
    if settings.cooling and not settings.is_int8:
        raise fail("E0017", "the rate of float32 gradients cannot be halved")
    _check_range("headroom", settings.headroom, 1, 64)
    return settings


def _check_range(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise fail("E0017", f"{name} is {value}", help=[f"{least} to {most}"])


def _without_softmax(graph: Graph) -> Graph:
    """The model up to its scores: a final softmax belongs to the loss."""
    if len(graph.outputs) != 1:
        raise fail("E0103", f"{graph.name} has {len(graph.outputs)} outputs; training takes one")
    last = graph.producers.get(graph.outputs[0])
    if last is None or last.op != "softmax":
        return graph
    nodes = [node for node in graph.nodes if node is not last]
    return replace(graph, outputs=(last.inputs[0],)).with_nodes(nodes)


def _flows(graph: Graph, scheme: UpdateScheme) -> frozenset[str]:
    """The values that depend on something trained."""
    found: set[str] = set()
    for node in graph.nodes:
        if scheme.trains(node) or found.intersection(node.inputs):
            found.update(node.outputs)
    return frozenset(found)


def _check_rules(graph: Graph, flows: frozenset[str]) -> None:
    missing = [node for node in graph.nodes if node.output in flows and node.op not in RULES]
    if missing:
        raise EdgeError(
            *(Diagnostic("E0103", f"no gradient for {n.op}", n.where or n.name) for n in missing)
        )
    if graph.outputs[0] not in flows:
        raise fail("E0017", f"the output of {graph.name} does not depend on what is trained")


def _record_backward(tape: Tape) -> None:
    """Walk the model backwards; a value's gradient is complete when its maker is reached."""
    found: dict[str, Gradient] = {tape.source.outputs[0]: _loss(tape)}
    for node in reversed(tape.source.nodes):
        gradient = found.pop(node.output, None)
        if gradient is None or node.output not in tape.flows:
            continue
        if node.op not in TAKE_WIDE:
            gradient = tape.narrowed(f"{node.name}_narrow", gradient)
        for slot, part in RULES[node.op](tape, node, gradient).items():
            name = node.inputs[slot]
            found[name] = _added(tape, name, found[name], part) if name in found else part


def _added(tape: Tape, name: str, a: Gradient, b: Gradient) -> Gradient:
    """The sum of two gradients of one value: their units become factors, a power of two apart."""
    a, b = (tape.narrowed(f"{name}_narrow", part) for part in (a, b))
    attrs: dict[str, float | int] = {"multiplier": a.unit, "other_multiplier": b.unit}
    unit = 1.0
    if tape.settings.is_int8:
        attrs, unit = {}, 2.0**-MANTISSA_BITS
        for prefix, part in (("", a), ("other_", b)):
            fraction, power = math.frexp(part.unit)
            attrs[f"{prefix}multiplier"] = round(fraction * 2**MANTISSA_BITS)
            attrs[f"{prefix}power"] = power
    inputs = (a.values, a.exponent, b.values, b.exponent)
    shape = tape.type(a.values).shape
    return tape.gradient_node("add_gradient", f"{name}_gradient", inputs, shape, unit, attrs)


def _loss(tape: Tape) -> Gradient:
    loss = _cross_entropy if tape.settings.loss == "cross_entropy" else _squared_error
    return loss(tape, tape.source.producers[tape.source.outputs[0]])


def _cross_entropy(tape: Tape, node: Node) -> Gradient:
    """(softmax - one-hot) * scale of the scores."""
    scale, _ = per_tensor(tape.source, node, node.output)
    tape.values[LABEL] = Value(LABEL, TensorType((1,), DType.INT32))
    differences = np.exp(-scale * np.arange(256))
    if tape.settings.is_int8:
        exact = np.floor(differences * 2.0**LOGIT_BITS + 0.5)
        table, unit = exact.astype(np.int32), scale * 2.0**-PROBABILITY_BITS
    else:
        table, unit = differences.astype(np.float32), scale
    inputs = (node.output, LABEL, tape.constant(f"{node.name}_exponentials", table))
    shape = tape.type(node.output).shape
    return tape.gradient_node("cross_entropy_gradient", "loss", inputs, shape, unit)


def _squared_error(tape: Tape, node: Node) -> Gradient:
    """The mean of squares of real differences: 2 scale**2 / n for each stored unit."""
    tensor = tape.type(node.output)
    scale, _ = per_tensor(tape.source, node, node.output)
    tape.values[TARGET] = Value(TARGET, tensor)
    unit = 2.0 * scale**2 / tensor.elements
    inputs = (node.output, TARGET)
    return tape.gradient_node("squared_error_gradient", "loss", inputs, tensor.shape, unit)


def _finished(tape: Tape) -> Graph:
    source = tape.source
    wanted = LABEL if tape.settings.loss == "cross_entropy" else TARGET
    return Graph(
        source.name,
        (*source.inputs, wanted),
        source.outputs,
        tuple(tape.nodes),
        tape.values,
        source.rounding,
        tuple(tape.states),
    )
