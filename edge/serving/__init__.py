"""Serving many adapters of one model from one machine.

`read_adapter(folder)` reads what peft saves, `AdapterPool` holds many, and inside
`mixed_batch(model, pool, names)` each row of a batch has its own adapter. `Engine` serves requests
of any length and adapter together, `Correction` with drafts of a sparser model, and `export_vllm`
hands over to many machines.
"""

from edge.serving.adapter import Adapter, LowRank, read_adapter
from edge.serving.contextual import contextual_drafter, prompt_neurons
from edge.serving.correction import Correction, corrected_greedy
from edge.serving.engine import Engine, Limits
from edge.serving.grouped_lora import grouped_lora_
from edge.serving.mixed_batch import mixed_batch
from edge.serving.pool import AdapterPool
from edge.serving.request import Completion, Request, Token
from edge.serving.vllm import ExportReport, export_vllm

__all__ = [
    "Adapter",
    "AdapterPool",
    "Completion",
    "Correction",
    "Engine",
    "ExportReport",
    "Limits",
    "LowRank",
    "Request",
    "Token",
    "contextual_drafter",
    "corrected_greedy",
    "export_vllm",
    "grouped_lora_",
    "mixed_batch",
    "prompt_neurons",
    "read_adapter",
]
