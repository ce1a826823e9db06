from typing import Any

import pytest

from edge.errors import EdgeError
from edge.target import Memory, load_target, parse_size, parse_target, targets

DESCRIPTION = {
    "name": "board",
    "cpu": "cortex-m3",
    "isa": [],
    "kernels": ["ref"],
    "flags": {"gcc": ["-mcpu=cortex-m3"]},
    "memory": {"sram": {"origin": 0x20000000, "length": "20K"}},
    "run": {"emulator": "qemu-system-arm"},
    "limits": {"stack": "1K", "alignment": 16},
}


def _error(**changes: object) -> str:
    with pytest.raises(EdgeError) as caught:
        parse_target({**DESCRIPTION, **changes}, "targets/board/target.toml")
    return str(caught.value)


def test_every_target_loads_under_its_own_name() -> None:
    assert {"cortex-m4", "cortex-m7", "host", "wasm32"} <= set(targets())
    assert [load_target(name).name for name in targets()] == targets()


def test_a_target_takes_from_the_one_it_extends_what_it_does_not_say() -> None:
    m4, m7 = load_target("cortex-m4"), load_target("cortex-m7")
    assert (m7.sram, m7.kernels, m7.emulator) == (m4.sram, m4.kernels, m4.emulator)
    assert (m4.machine, m7.machine) == ("mps2-an386", "mps2-an500")


def test_memory_is_replaced_by_sizes_in_any_form() -> None:
    changed = load_target("cortex-m7").with_memory(sram="64K", flash=524288)
    assert changed.sram == Memory(0x20000000, 65536)
    assert changed.flash == Memory(0, 524288)
    assert load_target("cortex-m7").with_memory() == load_target("cortex-m7")


@pytest.mark.parametrize("size", ["", "K", "-1", 0, -4, "1.5K", "12Q", True, 3.0, "²"])
def test_a_malformed_size_is_refused(size: Any) -> None:
    with pytest.raises(EdgeError, match="E0012"):
        parse_size(size, "target.sram")


def test_the_host_has_no_memory_to_resize() -> None:
    with pytest.raises(EdgeError, match="host has no sram"):
        load_target("host").with_memory(sram="64K")


def test_an_unknown_target_names_the_known_ones_and_the_nearest() -> None:
    with pytest.raises(EdgeError, match="E0010") as caught:
        load_target("cortex-m77")
    assert "did you mean cortex-m7?" in str(caught.value)
    assert f"known targets: {', '.join(targets())}" in str(caught.value)
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"cpus": "x"}, "target.toml: cpus"),
        ({"cpu": 7}, "target.toml: cpu"),
        ({"isa": [1]}, "target.toml: isa"),
        ({"flags": {"gcc": "-O2"}}, "target.toml: flags.gcc"),
        ({"memory": {"ram": {"origin": 0, "length": 1}}}, "target.toml: memory.ram"),
        ({"memory": {"sram": {"origin": 0, "length": "x"}}}, "target.toml: memory.sram.length"),
        ({"memory": {"sram": {"length": 1}}}, "target.toml: memory.sram.origin"),
        ({"limits": {"stack": "1K"}}, "target.toml: limits.alignment"),
    ],
)
def test_a_bad_key_is_reported_with_its_path(changes: dict[str, object], where: str) -> None:
    assert f"--> targets/board/{where}\n" in _error(**changes) + "\n"


def test_a_misspelt_key_gets_a_suggestion() -> None:
    assert "unknown key emulato; did you mean emulator?" in _error(run={"emulato": "x"})
