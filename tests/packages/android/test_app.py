"""apps/android: its network, its Kotlin, and a drawing that is recognized."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from tests.packages.android.jvm import MACHINES, javac, kotlinc, need_jdk
from tests.packages.android.stand_ins import write

APP = Path(__file__).parents[3] / "apps" / "android"
EPOCHS = 6

MAIN = """
import dev.edge.digits.Digits
import dev.edge.digits.classify
import dev.edge.sample.Drawing

fun main() = Digits().use { model ->
    val one = Drawing().apply { line(0.55f, 0.1f, 0.55f, 0.9f) }
    val zero = Drawing().apply {
        line(0.35f, 0.2f, 0.65f, 0.2f)
        line(0.65f, 0.2f, 0.7f, 0.8f)
        line(0.7f, 0.8f, 0.35f, 0.8f)
        line(0.35f, 0.8f, 0.35f, 0.2f)
    }
    println("${model.classify(one.ink).index} ${model.classify(zero.ink).index}")
    one.clear()
    println(one.ink.all { it == 0f })
}
"""


def test_the_app_compiles_and_recognizes_a_drawing(tmp_path: Path) -> None:
    need_jdk()
    spec = importlib.util.spec_from_file_location("model", APP / "model.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    accuracy = script.write(tmp_path / "digits", epochs=EPOCHS)
    assert accuracy > 0.8
    package = tmp_path / "digits" / "android"
    classes, compiled = tmp_path / "java", tmp_path / "kotlin"
    javac(classes, [*write(tmp_path / "android"), *package.glob("src/main/java/**/*.java")])
    (tmp_path / "Main.kt").write_text(MAIN)
    sources = [*APP.glob("app/src/main/kotlin/**/*.kt"), tmp_path / "Main.kt"]
    library = kotlinc(compiled, [*sources, *package.glob("src/main/kotlin/**/*.kt")], [classes])
    done = MACHINES[0].run([compiled, classes, library], package, "MainKt")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["1 0", "true"]
