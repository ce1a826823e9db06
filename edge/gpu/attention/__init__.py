"""Block-sparse attention: policies choose key blocks, three backends compute the same result.

`apply_sparse_attention(model, plan)` puts it into a transformers model, `search_plan` finds a plan
for one; plans are JSON.
"""

from edge.gpu.attention.attention import merged, sparse_attention
from edge.gpu.attention.hook import apply_sparse_attention
from edge.gpu.attention.plan import AttentionPlan
from edge.gpu.attention.search import search_plan
from edge.gpu.attention.table import BlockTable

__all__ = [
    "AttentionPlan",
    "BlockTable",
    "apply_sparse_attention",
    "merged",
    "search_plan",
    "sparse_attention",
]
