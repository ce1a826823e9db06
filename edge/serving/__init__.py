"""Serving many adapters of one model from one machine: a paged pool and grouped LoRA.

`read_adapter(folder)` reads what peft saves, `AdapterPool` holds many, and inside
`mixed_batch(model, pool, names)` each row of a batch has its own adapter.
"""

from edge.serving.adapter import Adapter, LowRank, read_adapter
from edge.serving.grouped_lora import grouped_lora_
from edge.serving.mixed_batch import mixed_batch
from edge.serving.pool import AdapterPool

__all__ = ["Adapter", "AdapterPool", "LowRank", "grouped_lora_", "mixed_batch", "read_adapter"]
