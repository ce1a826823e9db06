"""The wrapper in a JVM of this machine and in an emulated one of arm64: outputs as numpy's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packages.android.conftest import Built, Package
from tests.packages.android.exports import KINDS
from tests.packages.android.jvm import MACHINES, Machine, javac, need
from tests.packages.readme import assert_expected

MISUSE = """
import dev.edge.learner.Learner;

public final class Misuse {
    interface Action { void run(); }

    static void attempt(Action action) {
        try {
            action.run();
            System.out.println("done");
        } catch (RuntimeException error) {
            System.out.println(error.getClass().getSimpleName() + ": " + error.getMessage());
        }
    }

    public static void main(String[] arguments) {
        byte[] image = new byte[Learner.INPUT_LENGTH];
        Learner model = new Learner();
        byte[] before = model.save();
        attempt(() -> model.run(new byte[3]));
        attempt(() -> model.run(null));
        attempt(() -> model.trainStep(image, 5));
        attempt(() -> model.trainStep(new byte[0], 0));
        attempt(() -> new Learner());
        model.trainStep(image, 1);
        byte[] learned = model.save();
        byte[] damaged = learned.clone();
        damaged[damaged.length / 2] ^= 1;
        attempt(() -> model.load(damaged));
        attempt(() -> model.load(new byte[7]));
        System.out.println(java.util.Arrays.equals(model.save(), before));
        attempt(() -> model.load(learned));
        model.close();
        model.close();
        attempt(() -> model.run(image));
        attempt(() -> model.reset());
        attempt(() -> new Learner().close());
    }
}
"""
ANSWERS = [
    "IllegalArgumentException: input: 216 values wanted, 3 given",
    "NullPointerException: input",
    "IllegalArgumentException: label 5: the classes are 0 to 4",
    "IllegalArgumentException: input: 216 values wanted, 0 given",
    "IllegalStateException: learner is open elsewhere; close it first",
    "IllegalArgumentException: the saved state is damaged or of another model",
    "IllegalArgumentException: saved: ",
    "false",
    "done",
    "IllegalStateException: learner is closed",
    "IllegalStateException: learner is closed",
    "done",
]


@pytest.mark.parametrize("kind", KINDS)
def test_the_commands_of_the_readme_build_and_run_it(kind: str, built: Built) -> None:
    """Once with the library built there, once with the one that was built by the export."""
    folder, printed = built(kind)
    assert_expected(folder, printed, times=2)


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_in_an_arm64_jvm_are_those_of_numpy(kind: str, built: Built) -> None:
    arm64 = MACHINES[1]
    need(arm64)
    folder, _ = built(kind)
    done = arm64.run([folder / "build" / "classes"], folder, "Check", str(folder / "check"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert_expected(folder, done.stdout, times=1)


def test_a_wrong_output_fails_the_check(built: Built, tmp_path: Path) -> None:
    folder, _ = built("int8")
    for name in ("input_0.bin", "output_0.bin"):
        (tmp_path / name).write_bytes((folder / "check" / name).read_bytes())
    content = bytearray((tmp_path / "output_0.bin").read_bytes())
    content[3] ^= 1
    (tmp_path / "output_0.bin").write_bytes(content)
    done = MACHINES[0].run([folder / "build" / "classes"], folder, "Check", str(tmp_path))
    assert done.returncode == 1
    assert "2 inputs, 1 mismatches" in done.stdout


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_misuse_gives_typed_exceptions_and_changes_nothing(
    machine: Machine, package: Package, tmp_path: Path
) -> None:
    need(machine)
    folder = package("training")
    (tmp_path / "Misuse.java").write_text(MISUSE)
    sources = [*folder.glob("src/main/java/**/*.java"), tmp_path / "Misuse.java"]
    javac(tmp_path / "classes", sources, "-Xlint:-try")
    done = machine.run([tmp_path / "classes"], folder, "Misuse")
    assert done.returncode == 0, done.stderr
    for line, wanted in zip(done.stdout.splitlines(), ANSWERS, strict=True):
        assert line.startswith(wanted)
