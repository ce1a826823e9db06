"""The table of targets, from targets/*/target.toml."""

from __future__ import annotations

from edge.target import Memory, load_target, targets
from generate.markdown import code, table


def page() -> str:
    """Targets with memory, kernels, compilers and where their programs are run."""
    columns = ("target", "CPU", "RAM, B", "flash, B", "kernels, best first", "compilers", "run in")
    rows = [
        (
            f"`{target.name}`", target.cpu, _size(target.sram), _size(target.flash),
            code(target.kernels), ", ".join(target.flags), _place(target.emulator, target.machine),
        )
        for target in map(load_target, targets())
    ]  # fmt: skip
    note = (
        "RAM and flash are budgets, set otherwise with `--sram` and `--flash`. Kernels are folders "
        "of `runtime/kernels`: the cheapest kernel that takes a layer is used, and `ref` takes "
        "all.\n"
    )
    return f"# Targets\n\n{note}\n{table(columns, rows)}"


def _size(memory: Memory | None) -> str:
    return f"{memory.length:,}" if memory else "no budget"


def _place(emulator: str, machine: str) -> str:
    return f"{emulator}, {machine}" if machine else emulator
