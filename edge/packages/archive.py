"""Archives that are the same bytes for the same files, and the AAR of an Android library."""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from edge.emit.project import Files
from edge.errors import fail

_EPOCH = (1980, 1, 1, 0, 0, 0)
_JAVAC_TIMEOUT_S = 120
_METADATA = """\
aarFormatVersion=1.0
aarMetadataVersion=1.0
minCompileSdk=1
minAndroidGradlePluginVersion=1.0.0
coreLibraryDesugaringEnabled=false
"""
_MANIFEST = """\
<?xml version="1.0" encoding="utf-8"?>
<manifest xmlns:android="http://schemas.android.com/apk/res/android" package="{package}">
    <uses-sdk android:minSdkVersion="24" />
</manifest>
"""


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    """A zip archive, entries in the order given."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def aar(package: str, classes: Files, rules: str, libraries: Mapping[str, bytes]) -> bytes:
    """An Android archive of compiled classes and the libraries of each ABI, path -> content."""
    return zipped(
        {
            "AndroidManifest.xml": _MANIFEST.format(package=package),
            "classes.jar": zipped(classes),
            "R.txt": "",
            "proguard.txt": rules,
            "META-INF/com/android/build/gradle/aar-metadata.properties": _METADATA,
            **{f"jni/{path}": content for path, content in libraries.items()},
        }
    )


def compiled_java(sources: Mapping[str, str]) -> Files:
    """The class files of Java sources, paths within the jar.

    Raises EdgeError: E0401 without a JDK, E0402 if it does not compile.
    """
    javac = shutil.which("javac")
    if javac is None:
        raise fail(
            "E0401", "no javac for the classes of the Android package",
            help=["apt-get install openjdk-17-jdk-headless, or any JDK from 11 on"],
        )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="edge-java-") as name:
        folder, out = Path(name), Path(name) / "classes"
        for path, text in sources.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        command = [javac, "--release", "11", "-g:none", "-encoding", "UTF-8", "-d", str(out)]
        done = subprocess.run(
            [*command, *sources], cwd=folder, capture_output=True, text=True,
            timeout=_JAVAC_TIMEOUT_S, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise fail("E0402", "javac failed", notes=done.stderr.splitlines()[-8:])
        return {
            file.relative_to(out).as_posix(): file.read_bytes()
            for file in sorted(out.rglob("*.class"))
        }
