"""What the package holds: libraries that need nothing, an AAR, an interface that is JNI's."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import pytest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile

import edge
from edge.errors import EdgeError
from tests.models.int8_nets import residual_net
from tests.packages.android.conftest import Package
from tests.packages.android.exports import KINDS, write

ABIS = {"arm64-v8a": "EM_AARCH64", "x86_64": "EM_X86_64"}
PAGE = 16384


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("abi", ABIS)
def test_a_library_needs_no_other_and_fits_pages_of_16_kb(
    abi: str, kind: str, package: Package
) -> None:
    (library,) = (package(kind) / "prebuilt" / abi).iterdir()
    with library.open("rb") as stream:
        elf = ELFFile(stream)
        assert elf["e_machine"] == ABIS[abi]
        (dynamic,) = (s for s in elf.iter_sections() if isinstance(s, DynamicSection))
        tags = [(tag.entry.d_tag, tag) for tag in dynamic.iter_tags()]
        assert not [tag for name, tag in tags if name == "DT_NEEDED"]
        assert [tag.soname for name, tag in tags if name == "DT_SONAME"] == [library.name]
        loaded = [s for s in elf.iter_segments() if s["p_type"] == "PT_LOAD"]
        assert all(s["p_align"] == PAGE for s in loaded)
        assert not any(s["p_flags"] & 3 == 3 for s in loaded), "writable code"
        symbols = list(elf.get_section_by_name(".dynsym").iter_symbols())
    name = library.stem.removeprefix("lib")
    undefined = [s.name for s in symbols if s.name and s["st_shndx"] == "SHN_UNDEF"]
    shown = {s.name for s in symbols if s.name and s["st_shndx"] != "SHN_UNDEF"}
    assert not undefined
    assert all(s.startswith((f"{name}_", "Java_dev_edge_")) for s in shown)
    natives = re.findall(r"static native \w+ (\w+)", _native_java(package(kind)))
    assert {s.rpartition("_")[2] for s in shown if s.startswith("Java_")} == set(natives)


def _native_java(package: Path) -> str:
    (file,) = package.glob("src/main/java/dev/edge/*/Native.java")
    return file.read_text()


def test_the_aar_has_the_parts_of_an_android_library(package: Package) -> None:
    folder = package("int8")
    with zipfile.ZipFile(folder / "residual_net.aar") as aar:
        names = aar.namelist()
        assert names[:2] == ["AndroidManifest.xml", "classes.jar"]
        manifest = ElementTree.fromstring(aar.read("AndroidManifest.xml"))
        assert manifest.get("package") == "dev.edge.residualnet"
        assert b"native <methods>" in aar.read("proguard.txt")
        for abi in ABIS:
            stored = (folder / "prebuilt" / abi / "libresidual_net.so").read_bytes()
            assert aar.read(f"jni/{abi}/libresidual_net.so") == stored
        with zipfile.ZipFile(io.BytesIO(aar.read("classes.jar"))) as jar:
            assert jar.namelist() == ["dev/edge/residualnet/Native.class",
                                      "dev/edge/residualnet/ResidualNet.class"]  # fmt: skip


def test_aapt_reads_the_manifest_of_the_aar(package: Package, tmp_path: Path) -> None:
    frame = Path("/usr/share/android-framework-res/framework-res.apk")
    if not shutil.which("aapt") or not frame.exists():
        pytest.skip("apt-get install aapt android-framework-res")
    with zipfile.ZipFile(package("int8") / "residual_net.aar") as aar:
        aar.extract("AndroidManifest.xml", tmp_path)
    done = subprocess.run(
        ["aapt", "package", "-f", "-M", "AndroidManifest.xml", "-I", frame, "-F", "x.apk"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_stand_in_for_jni_h_agrees_with_the_one_of_the_jdk(tmp_path: Path) -> None:
    javac = shutil.which("javac")
    if javac is None:
        pytest.skip("apt-get install openjdk-17-jdk-headless")
    include = Path(javac).resolve().parents[1] / "include"
    program = (
        "#include <jni.h>\n#include <stddef.h>\n#include <stdio.h>\nint main(void) {\n"
        'printf("%zu %zu %zu", offsetof(struct JNINativeInterface_, NewDirectByteBuffer),'
        " sizeof(jlong), sizeof(jint)); return 0; }\n"
    )
    (tmp_path / "places.c").write_text(program)
    stand_in = Path(__file__).parents[3] / "targets" / "android-jni"
    answers = set()
    for number, folders in enumerate([[stand_in], [include, include / "linux"]]):
        flags = [f"-I{folder}" for folder in folders]
        command = ["gcc", *flags, "places.c", "-o", f"places{number}"]
        subprocess.run(command, cwd=tmp_path, check=True)
        ran = subprocess.run([tmp_path / f"places{number}"], capture_output=True, check=True)
        answers.add(ran.stdout)
    assert len(answers) == 1


def test_the_same_model_gives_the_same_bytes(package: Package, tmp_path: Path) -> None:
    first, again = package("int8"), write("int8", tmp_path / "again")
    files = [path.relative_to(first) for path in first.rglob("*") if path.is_file()]
    assert [str(f) for f in files if (first / f).read_bytes() != (again / f).read_bytes()] == []


@pytest.mark.parametrize(
    ("target", "settings", "works"),
    [("cortex-m7", {}, "-t android-arm64"), ("android-arm64", {"input": "rows"}, "--input rows")],
)
def test_what_does_not_go_with_android_says_what_would(
    target: str, settings: dict[str, str], works: str, tmp_path: Path
) -> None:
    with pytest.raises(EdgeError, match=r"E0052.*no android package") as caught:
        edge.export(residual_net(), target, tmp_path / "out", package=["android"], **settings)
    assert works in caught.value.diagnostics[0].help[0]
    assert not (tmp_path / "out").exists()
