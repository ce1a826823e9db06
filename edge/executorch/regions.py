"""The parts of a program that Edge can take: quantized through and through, converted whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import torch
from torch.export import ExportedProgram
from torch.fx import Node
from torch.fx.passes.infra.partitioner import CapabilityBasedPartitioner
from torch.fx.passes.operator_support import create_op_support

from edge.errors import EdgeError
from edge.executorch.operators import computes, dequantizes, is_call, is_convertible, quantizes
from edge.executorch.subprogram import NOTHING, constant_nodes, integer_graph, subprogram
from edge.planning import check_fit, plan
from edge.target import Target

Region = Sequence[Node]


def regions(
    program: ExportedProgram, target: Target, data: Mapping[str, torch.Tensor] = NOTHING
) -> list[Region]:
    """Disjoint parts in the order of the program, each of which compiles for the target.

    Every part takes and gives float32: it begins with quantize nodes and ends with dequantize
    nodes. Where a part cannot be converted, the units of it that can be are kept. `data` holds
    parameters by name where those of the program are only shapes.
    """

    def compiles(region: Region) -> bool:
        return _compiles(subprogram(program, region, data), target)

    candidates = _quantized(program, set(filter(is_convertible, program.graph.nodes)))
    return list(_compilable(program, compiles, _proposed(program, candidates)))


def _compilable(
    program: ExportedProgram, compiles: Callable[[Region], bool], proposed: Iterable[Region]
) -> Iterator[Region]:
    for region in proposed:
        if compiles(region):
            yield region
            continue
        units = filter(compiles, _units(program, region))
        smaller = _quantized(program, {node for unit in units for node in unit})
        yield from filter(compiles, _proposed(program, smaller))


def _compiles(program: ExportedProgram, target: Target) -> bool:
    """Whether a program goes through Edge's pipeline and fits the target."""
    try:
        graph = integer_graph(program)
        check_fit(graph, plan(graph, target), target)
    except EdgeError:
        return False
    return True


def _quantized(program: ExportedProgram, allowed: set[Node]) -> set[Node]:
    """The largest part of `allowed` in which no value is float32 but inside of an operator.

    What computes must read dequantized values or constants and be read by quantize nodes, directly
    or through others that do.
    """
    constants = constant_nodes(program)
    while True:
        left = {node for node in allowed if _belongs(node, allowed, constants)}
        if left == allowed:
            return left
        allowed = left


def _belongs(node: Node, inside: set[Node], constants: set[Node]) -> bool:
    users_inside = bool(node.users) and all(user in inside for user in node.users)
    if node in constants:
        return any(user in inside for user in node.users)
    if quantizes(node):
        return users_inside and all(map(dequantizes, node.users))
    if dequantizes(node):
        source = node.all_input_nodes[0]
        made = source in inside and any(map(computes, source.all_input_nodes))
        return made or (source in inside and any(user in inside for user in node.users))
    read = (source for source in node.all_input_nodes if source not in constants)
    return users_inside and all(s in inside and not quantizes(s) for s in read)


def _proposed(program: ExportedProgram, nodes: set[Node]) -> list[Region]:
    """Connected parts of the program made of these nodes, in order, that compute something."""
    names = {node.name for node in nodes}
    support = create_op_support(lambda modules, node: is_call(node) and node.name in names)
    partitioner = CapabilityBasedPartitioner(
        program.graph_module, support, allows_single_node_partition=True
    )
    position = {node: index for index, node in enumerate(program.graph.nodes)}
    proposed = partitioner.propose_partitions()
    parts = [sorted(part.nodes, key=position.__getitem__) for part in proposed]
    constants = constant_nodes(program)
    busy = [part for part in parts if any(computes(n) and n not in constants for n in part)]
    return sorted(busy, key=lambda part: position[part[0]])


def _units(program: ExportedProgram, region: Region) -> Iterator[Region]:
    """Each run of operators between quantize nodes, with what it reads and what is read of it."""
    constants, inside = constant_nodes(program), set(region)
    seen: set[Node] = set()
    for node in region:
        if computes(node) and node not in constants and node not in seen:
            core = _joined(node, inside, constants)
            seen |= core
            around = _around(core, inside, constants)
            yield [other for other in region if other in around]


def _joined(start: Node, inside: set[Node], constants: set[Node]) -> set[Node]:
    """What computes and is joined to a node without a quantize node between."""
    found, waiting = {start}, [start]
    while waiting:
        node = waiting.pop()
        for other in (*node.all_input_nodes, *node.users):
            if other in inside - found - constants and computes(other):
                found.add(other)
                waiting.append(other)
    return found


def _around(core: set[Node], inside: set[Node], constants: set[Node]) -> set[Node]:
    """The core with the quantize and dequantize nodes at its border, and its constants."""
    read = {source for node in core for source in node.all_input_nodes} & inside
    stored = {source for node in read for source in node.all_input_nodes} & inside
    written = {user for node in core for user in node.users} & inside
    given = {user for node in written for user in node.users} & inside
    weights = {n for n in inside & constants if any(user in core for user in n.users)}
    return core | read | {n for n in stored if quantizes(n)} | written | given | weights
