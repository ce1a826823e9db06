"""Block-sparse attention: policies choose key blocks, three backends compute the same result.

`apply_sparse_attention(model, plan)` puts it into a transformers model, `search_plan` finds a plan
for one; plans are JSON. `BiLevelAttention` is for images, `CachedAttention` for the steps of a
sampler; `Combiner` and `RoutingAttention` are sparse in other ways than by blocks.
"""

from edge.gpu.attention.attention import merged, sparse_attention
from edge.gpu.attention.combiner import Combiner
from edge.gpu.attention.decode import decode_attention
from edge.gpu.attention.decode_blocks import DecodeBlocks
from edge.gpu.attention.hook import apply_sparse_attention
from edge.gpu.attention.image import BiLevelAttention
from edge.gpu.attention.lse_cached import CachedAttention, LSECached
from edge.gpu.attention.plan import AttentionPlan
from edge.gpu.attention.routing import RoutingAttention
from edge.gpu.attention.search import search_plan
from edge.gpu.attention.table import BlockTable

__all__ = [
    "AttentionPlan",
    "BiLevelAttention",
    "BlockTable",
    "CachedAttention",
    "Combiner",
    "DecodeBlocks",
    "LSECached",
    "RoutingAttention",
    "apply_sparse_attention",
    "decode_attention",
    "merged",
    "search_plan",
    "sparse_attention",
]
