"""apps/android/apk.py: an APK from Debian's tools, its signature checked by apksigner."""

from __future__ import annotations

import importlib.util
import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile

from tests.models.int8_nets import residual_net

SCRIPT = Path(__file__).parents[3] / "apps" / "android" / "apk.py"
TOOLS = ("aapt", "zipalign", "apksigner")


def test_the_apk_is_aligned_signed_and_holds_the_libraries(tmp_path: Path) -> None:
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing or not shutil.which("keytool"):
        pytest.skip("apt-get install aapt zipalign apksigner android-framework-res "
                    "openjdk-17-jdk-headless")  # fmt: skip
    spec = importlib.util.spec_from_file_location("apk", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    apk = tmp_path / "native.apk"
    script.build_apk(residual_net(), apk)

    verified = printed("apksigner", "verify", "--verbose", "--min-sdk-version", "24", str(apk))
    assert "Verified using v2 scheme (APK Signature Scheme v2): true" in verified
    assert "Verified using v3 scheme (APK Signature Scheme v3): true" in verified
    assert "Verification successful" in printed("zipalign", "-c", "-v", "-p", "4", str(apk))
    assert "android.app.NativeActivity" in printed("aapt", "dump", "badging", str(apk))
    for abi in script.ABIS:
        needed, shown = symbols(zipfile.ZipFile(apk).read(f"lib/{abi}/libmodel.so"))
        assert needed == ["liblog.so"]
        assert "ANativeActivity_onCreate" in shown


def printed(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def symbols(library: bytes) -> tuple[list[str], set[str]]:
    """Libraries that it needs and symbols that it shows."""
    elf = ELFFile(io.BytesIO(library))
    (dynamic,) = (s for s in elf.iter_sections() if isinstance(s, DynamicSection))
    needed = [tag.needed for tag in dynamic.iter_tags("DT_NEEDED")]
    return needed, {s.name for s in elf.get_section_by_name(".dynsym").iter_symbols()}
