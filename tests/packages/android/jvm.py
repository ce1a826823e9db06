"""Java on this machine and, emulated, on arm64; the Kotlin compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ARM64 = ROOT / ".venv" / "arm64"
_ARM64_JAVA = ARM64 / "usr/lib/jvm/java-17-openjdk-arm64/bin/java"
_KOTLIN = Path(__file__).parent / "node_modules" / "kotlin-compiler"
_TIMEOUT_S = 120


@dataclass(frozen=True)
class Machine:
    """A JVM: how it is called, and the ABI whose libraries it loads."""

    name: str
    java: tuple[str, ...]
    abi: str

    def run(
        self, classes: Sequence[Path], package: Path, *command: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a class with the prebuilt library of a package."""
        path = os.pathsep.join(map(str, classes))
        library = f"-Djava.library.path={package / 'prebuilt' / self.abi}"
        return subprocess.run(
            [*self.java, "-XX:TieredStopAtLevel=1", library, "-cp", path, *command],
            capture_output=True, text=True, timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip


# The oldest CPU that Android's arm64 runs on: later instructions trap.
_EMULATED = ("qemu-aarch64", "-L", str(ARM64), "-cpu", "cortex-a53", str(_ARM64_JAVA))
MACHINES = (Machine("host", ("java",), "x86_64"), Machine("arm64", _EMULATED, "arm64-v8a"))


def need(machine: Machine) -> None:
    """Skip, naming the package, unless the machine is there."""
    need_jdk()
    if machine.name == "arm64" and not shutil.which("qemu-aarch64"):
        pytest.skip("apt-get install qemu-user")
    if machine.name == "arm64" and not _ARM64_JAVA.exists():
        pytest.skip(
            "openjdk-17-jre-headless:arm64: tests/packages/android/arm64_java.sh .venv/arm64"
        )


def need_jdk() -> None:
    if not shutil.which("javac"):
        pytest.skip("apt-get install openjdk-17-jdk-headless")


def javac(out: Path, sources: Sequence[Path], *flags: str) -> None:
    """Compile with every warning as an error."""
    command = ["javac", "-Xlint:all", "-Werror", *flags, "-d", out, *sources]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr


def kotlinc(out: Path, sources: Sequence[Path], classes: Sequence[Path]) -> Path:
    """Compile Kotlin with every warning as an error; gives the library that classes need."""
    if not _KOTLIN.is_dir():
        pytest.skip("the Kotlin compiler: npm ci --prefix tests/packages/android")
    path = os.pathsep.join(map(str, classes))
    command = ["bash", _KOTLIN / "bin" / "kotlinc", "-Werror", "-cp", path, "-d", out, *sources]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return _KOTLIN / "lib" / "kotlin-stdlib.jar"
