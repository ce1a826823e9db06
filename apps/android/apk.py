"""An APK with a model and no Java, made with Debian's tools alone and signed with a new key.

    python apps/android/apk.py MODEL [--out out/native.apk]

MODEL is anything `edge export` takes that needs no calibration. The app runs stored inputs and
writes what it finds to the log (`adb logcat -s edge`).
"""

from __future__ import annotations

import argparse
import secrets
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import edge
from edge.target import load_target
from edge.toolchains import commands, find_toolchain
from edge.toolchains.sources import load_sources

HERE = Path(__file__).parent / "native"
FRAMEWORK = Path("/usr/share/android-framework-res/framework-res.apk")
ABIS = {"arm64-v8a": "android-arm64", "x86_64": "android-x86_64"}
_LOG = "int __android_log_write(int a, const char *b, const char *c);\nint __android_log_write(int a, const char *b, const char *c) { (void)a; (void)b; (void)c; return 0; }\n"  # noqa: E501


def main() -> None:
    """Export, build, pack and sign."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--out", type=Path, default=Path("out/native.apk"))
    arguments = parser.parse_args()
    build_apk(arguments.model, arguments.out)
    print(f"wrote {arguments.out}: {arguments.out.stat().st_size:,} B")


def build_apk(model: Any, out: Path) -> None:
    """Export `model` for each ABI and write a signed APK."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        for abi, target in ABIS.items():
            _library(model, target, work, work / "lib" / abi / "libmodel.so")
        manifest = HERE / "AndroidManifest.xml"
        _run(["aapt", "package", "-f", "-M", manifest, "-I", FRAMEWORK, "-F", "app.apk"], work)
        _run(["aapt", "add", "app.apk", *(f"lib/{abi}/libmodel.so" for abi in ABIS)], work)
        _run(["zipalign", "-f", "-p", "4", "app.apk", out.resolve()], work)
        _sign(out.resolve(), work)


def _library(model: Any, target: str, work: Path, out: Path) -> None:
    """libmodel.so of an export and of the activity; liblog.so is what a device has."""
    project = work / target
    edge.export(model, target, project, name="model")
    example = _example(model, work)
    chosen = load_target(target)
    toolchain = find_toolchain(None, chosen)
    exported = load_sources(project)
    sources = [*(project / file for file in exported.files), *example.glob("*.c"),
               HERE / "activity.c", *commands.board_sources(chosen)]  # fmt: skip
    flags = [*commands.compile_flags(chosen, toolchain.name, board=False), "-g0"]
    flags.append("-fvisibility=hidden")
    includes = [f"-I{path}" for path in (*exported.include_folders, example)]
    includes += [f"-isystem{path}" for path in commands.system_folders(chosen)]
    before, after = commands.link_flags(chosen, toolchain.name, ())
    out.parent.mkdir(parents=True, exist_ok=True)
    (work / "log.c").write_text(_LOG)
    log = ["-shared", "-nostdlib", "-Wl,-soname,liblog.so", "log.c", "-o", "liblog.so"]
    _run([*toolchain.command, *chosen.flags[toolchain.name], *log], work)
    linked = ["-Wl,-soname,libmodel.so", "-Wl,--strip-all", "liblog.so"]
    _run(
        [*toolchain.command, *flags, *before, *includes, *sources, *linked, *after, "-o", out], work
    )


def _example(model: Any, work: Path) -> Path:
    """model_example.c and its vectors: the package for CMake has them."""
    folder = work / "example"
    if not folder.exists():
        edge.export(model, "host", folder, name="model", package=["cmake"])
    return folder / "cmake" / "examples" / "model"


def _sign(apk: Path, work: Path) -> None:
    password = f"pass:{secrets.token_hex(16)}"
    key = ["-keystore", "key.jks", "-storepass", password.removeprefix("pass:"), "-alias", "edge"]
    how = ["-keyalg", "RSA", "-keysize", "2048", "-validity", "10000", "-dname", "CN=edge"]
    _run(["keytool", "-genkeypair", *key, *how], work)
    _run(["apksigner", "sign", "--ks", "key.jks", "--ks-pass", password, apk], work)


def _run(command: Sequence[str | Path], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main()
