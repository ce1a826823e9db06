"""Pruning a loaded model at once, by magnitude: `edge export --prune 1x4:0.5`."""

from __future__ import annotations

from edge.errors import fail
from edge.frontends import Model
from edge.passes.pipeline import FLOAT_PASSES, run_passes
from edge.sparsity.pattern_names import parse_pattern
from edge.sparsity.patterns import NM, Block, Pattern, check_sparsity
from edge.sparsity.rearrangement.rearrange import rearrange
from edge.sparsity.weights import prune_graph
from edge.workflow.prepare import has_quantize_nodes


def pruned_model(model: Model, request: str) -> Model:
    """The model without the least weights; channels are rearranged first where the pattern gains.

    `request` is "PATTERN:SPARSITY", for example "1x4:0.5". Float and int8 graphs stay what they
    are. The pruned model is not the .tflite file any more, so LiteRT cannot check it.
    Raises EdgeError E0040 to E0042.
    """
    pattern, sparsity = parse_request(request)
    graph = run_passes(model.graph, FLOAT_PASSES)
    if has_quantize_nodes(graph):
        from edge.quantization.qdq import absorb_qdq

        graph = absorb_qdq(graph)
    if isinstance(pattern, Block | NM) and sparsity > 0:
        graph = rearrange(graph, pattern, sparsity).applied(graph)
    return Model(prune_graph(graph, pattern, sparsity))


def parse_request(request: str) -> tuple[Pattern, float]:
    """Pattern and sparsity of a text such as "1x4:0.5", "2:4:0.5" or "unstructured:0.7".

    Raises EdgeError E0040 or E0041.
    """
    pattern, _, sparsity = request.rpartition(":")
    try:
        share = float(sparsity)
    except ValueError:
        pattern, share = "", 0.0
    if not pattern:
        help = ["give PATTERN:SPARSITY, such as 1x4:0.5 or 2:4:0.5"]
        raise fail("E0041", f"cannot read {request!r} as a pattern and a sparsity", help=help)
    return parse_pattern(pattern), check_sparsity(share)
