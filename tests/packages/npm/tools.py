"""The tools of the npm ecosystem, and scripts that run in Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"

needs_node = pytest.mark.skipif(
    not shutil.which("node"), reason="needs node: apt-get install nodejs"
)
needs_tools = pytest.mark.skipif(
    not (MODULES / "vite").is_dir(),
    reason="needs vite: npm ci --prefix tests/packages/npm",
)
needs_chromium = pytest.mark.skipif(
    not shutil.which("chromium"), reason="needs chromium: apt-get install chromium"
)


def run(command: list[str], folder: Path) -> str:
    """What a command prints; fails with all it said if its status is not 0."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def tool(name: str, *arguments: str, folder: Path) -> str:
    """Run a tool of node_modules."""
    return run([str(MODULES / ".bin" / name), *arguments], folder)


def in_node(folder: Path, script: str) -> Any:
    """The JSON that `answer(value)` prints in a module beside a package; `pkg` is its entry."""
    text = f"import * as pkg from {json.dumps((folder / 'node.js').as_uri())};\n"
    text += "const answer = (value) => console.log(JSON.stringify(value));\n"
    text += "const codeOf = async (act) => { try { await act(); } catch (error) {"
    text += " return error instanceof pkg.ModelError ? error.code : String(error); } };\n"
    return json.loads(run(["node", "--input-type=module", "-e", text + script], folder))


def consumer(package: Path, folder: Path, files: dict[str, str]) -> Path:
    """A project that has installed the package as npm would put it there, less the registry."""
    archive = run(["npm", "pack", "--silent", "--pack-destination", str(folder)], package).strip()
    manifest = json.loads((package / "package.json").read_text())
    target = folder / "node_modules" / manifest["name"]
    target.mkdir(parents=True)
    run(["tar", "xzf", str(folder / archive), "-C", str(target), "--strip-components=1"], folder)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder
