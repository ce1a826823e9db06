"""Runners: built programs in, a Result out; `runner_for` picks one for a target."""

from collections.abc import Callable, Mapping

from edge.errors import fail
from edge.runners.android import AndroidRunner
from edge.runners.browser import BrowserRunner
from edge.runners.host import HostRunner
from edge.runners.node import NodeRunner
from edge.runners.qemu import QemuRunner
from edge.runners.qemu_user import QemuUserRunner
from edge.runners.result import Result, Runner
from edge.runners.wasm import WasmRunner
from edge.target import Target, load_target

__all__ = ["CHOOSING", "Result", "Runner", "runner_for", "runners"]

_RUNNERS: Mapping[str, Callable[[Target], Runner]] = {
    "qemu": QemuRunner,
    "qemu-user": lambda target: _USER_MODE.get(target.cpu, QemuUserRunner)(target),
    "host": lambda _: HostRunner(load_target("host")),
    "wasmtime": lambda target: WasmRunner(_wasm_target(target)),
    "node": lambda target: NodeRunner(_wasm_target(target)),
    "browser": lambda target: BrowserRunner(_wasm_target(target)),
}
_USER_MODE: Mapping[str, Callable[[Target], Runner]] = {"aarch64-android": AndroidRunner}
_WASM = "wasm32"
CHOOSING = ("node", "browser")
"""Runners that take a program's baseline in engines that lack what the program needs."""
_DEFAULT = {
    "qemu-system-arm": "qemu",
    "qemu-aarch64": "qemu-user",
    "qemu-arm": "qemu-user",
    "host": "host",
    "wasmtime": "wasmtime",
}


def runners(target: Target) -> list[str]:
    """Names of the runners that can run a project exported for the target, the default first."""
    default = _DEFAULT[target.emulator]
    others = ("node", "browser", "host") if target.cpu == _WASM else ("host", "wasmtime")
    return [default, *(name for name in others if name != default)]


def _wasm_target(target: Target) -> Target:
    """The target itself if it is one of WebAssembly, else the one its projects are built for."""
    return target if target.cpu == _WASM else load_target(_WASM)


def runner_for(target: Target, name: str | None = None) -> Runner:
    """The named runner, or the target's own. Programs must be built for `runner.target`, which
    is another one for host and wasmtime.

    Raises EdgeError (E0015) for a runner that cannot run the target's projects.
    """
    known = runners(target)
    if name is not None and name not in known:
        raise fail(
            "E0015", f"no runner {name!r} for {target.name}", help=[f"runners: {', '.join(known)}"]
        )
    return _RUNNERS[name or known[0]](target)
