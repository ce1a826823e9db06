"""Kotlin: the module's functions compile without warnings, and find the class that numpy finds."""

from __future__ import annotations

import re
from pathlib import Path

from tests.packages.android.conftest import Package
from tests.packages.android.jvm import MACHINES, javac, kotlinc
from tests.packages.readme import blocks

MAIN = """
import dev.edge.residualnet.ResidualNet
import dev.edge.residualnet.classify
import java.io.File

fun main(arguments: Array<String>) {
    val stored = File(arguments[0]).readBytes()
    ResidualNet().use { model ->
        stored.toList().chunked(ResidualNet.INPUT_LENGTH).forEach { image ->
            val values = FloatArray(image.size) { i -> (image[i] - ZERO_POINT) * SCALE }
            val best = model.classify(values)
            println("${best.index} ${best.score in 0f..1f}")
        }
    }
}
"""


def test_classify_gives_the_class_that_the_readme_shows(package: Package, tmp_path: Path) -> None:
    folder = package("int8")
    (wrapper,) = folder.glob("src/main/java/dev/edge/*/ResidualNet.java")
    scale = re.search(r"INPUT_SCALE = (.*);", wrapper.read_text())
    zero = re.search(r"INPUT_ZERO_POINT = (.*);", wrapper.read_text())
    assert scale is not None
    assert zero is not None
    constants = f"const val SCALE = {scale[1]}\nconst val ZERO_POINT = {zero[1]}\n"
    (tmp_path / "Main.kt").write_text(MAIN + constants)
    classes, compiled = tmp_path / "java", tmp_path / "kotlin"
    javac(classes, list(folder.glob("src/main/java/**/*.java")))
    sources = [*folder.glob("src/main/kotlin/**/*.kt"), tmp_path / "Main.kt"]
    library = kotlinc(compiled, sources, [classes])
    stored = str(folder / "check" / "input_0.bin")
    done = MACHINES[0].run([compiled, classes, library], folder, "MainKt", stored)
    assert done.returncode == 0, done.stderr
    (expected,) = blocks(folder / "README.md", "text")
    found = re.findall(r"largest output at (\d+)", expected)
    assert done.stdout.split("\n")[:-1] == [f"{index} true" for index in found]
