"""The goals of the GPU host path, a row or more each; their code is imported when it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module

from tests.bench.gpu.row import Row, Setting


@dataclass(frozen=True)
class Goal:
    """measure: "module.function" of this package; needs_gpu: no other machine can say anything."""

    title: str
    target: str
    measure: str
    needs_gpu: bool = True

    @property
    def name(self) -> str:
        return self.measure.partition(".")[2].replace("_", "-")

    def rows(self, setting: Setting) -> Iterator[Row]:
        module, _, function = self.measure.partition(".")
        found = getattr(import_module(f"tests.bench.gpu.{module}"), function)
        run: Callable[[Setting], Iterator[Row]] = found
        return run(setting)


GOALS = (
    Goal("prefill attention, Llama-3-8B shape, index included",
         ">= 3x at 128K, >= 8x at 512K, 12x at 1M over SDPA", "attention.prefill"),
    Goal("block-sparse kernel at 90 %, 32K", ">= 6x and >= 70 % of 1/density",
         "attention.block_sparse"),
    Goal("LocalStride, forward + backward, 128K", ">= 20x", "attention.local_stride"),
    Goal("HiP, 32K to 1M", "slope of T log T; >= 5x at 512K", "attention.hip"),
    Goal("MoA decoding", ">= 6x tokens per s, K/V <= 50 %", "decode.moa"),
    Goal("DiT, 110K tokens", ">= 1.8x over 50 steps, attention included", "diffusion.dit"),
    Goal("2:4 linear, 4096-14336", ">= 1.4x bf16 at M >= 1024; int8 >= 2.5x, int4 >= 3x at M <= 16",
         "linear.two_of_four"),
    Goal("2,000 adapters of rank 8-64, Zipf", ">= 10x peft's mixed batch, <= 15 % over base decode",
         "adapters.many_adapters"),
    Goal("S2FT, 1.3B", ">= 2.5x memory and >= 2x step over full; >= 10 % better than peft's LoRA",
         "tuning.s2ft"),
    Goal("Sirius, 8B shape", ">= 20 % latency at effective density <= .75, strict mode exact",
         "correction.sirius"),
    Goal("streamed pruning, 8B shape", "Wanda 2:4 < 5 min under 8 GB; SparseGPT, CG refit < 20 min",
         "pruning.streamed"),
    Goal("AST 2:4, 30M trained in the job", "within .05 nats of dense", "pruning.ast"),
    Goal("tuning methods", "ordering against LoRA and plain adapters, 3 seeds",
         "orderings.orderings", needs_gpu=False),
)  # fmt: skip
