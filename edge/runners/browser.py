"""Runs models as WebAssembly in headless Chromium, on a page served to it on the loopback address.

The server gives out the job's files and takes output.bin and report.json; nothing else is asked of
the browser, so no driver is needed. Its headers isolate the page, which makes clocks tick every
5 microseconds instead of 100.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from edge.errors import fail
from edge.ir.types import Array
from edge.runners.javascript import MODEL_RUN, read_result, write_job
from edge.runners.result import Result, samples_of
from edge.target import Target
from edge.toolchains import Program

_PAGE = Path(__file__).with_name("browser_page.html")
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
_TYPES = {
    ".html": "text/html",
    ".mjs": "text/javascript",
    ".js": "text/javascript",
    ".json": "application/json",
    ".wasm": "application/wasm",
}
_ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
_RESULTS = ("output.bin", "report.json")


@dataclass(frozen=True)
class BrowserRunner:
    """Runs programs of a wasm target in Chromium: times (medians of many runs), no counts."""

    target: Target
    timeout_s: float = 300.0
    name: str = "browser"

    def run(self, program: Program, inputs: Sequence[Array], *, count: bool = False) -> Result:
        """Run every sample.

        Raises EdgeError: E0014 wrong sizes, E0403 no Chromium, E0404 too slow or broken, E0405 no
        SIMD, E0510 trap.
        """
        samples = samples_of(program.project, inputs)
        browser = chromium()
        with tempfile.TemporaryDirectory(prefix="edge-browser-") as name:
            folder = Path(name)
            write_job(folder, program, samples, count)
            shutil.copy(_PAGE, folder / "index.html")
            shutil.copy(MODEL_RUN, folder)
            visit(browser, folder, self.timeout_s)
            return read_result(folder, program, len(samples), "Chromium")


def chromium() -> str:
    """Path of Chromium or Chrome. Raises EdgeError (E0403) if there is none."""
    found = next((path for path in map(shutil.which, _PROGRAMS) if path), None)
    if found is None:
        raise fail("E0403", "chromium is not installed", help=["apt-get install chromium"])
    return found


def visit(browser: str, folder: Path, timeout_s: float) -> None:
    """Open index.html of the folder and wait until the page has posted report.json into it.

    Raises EdgeError (E0404) if the browser ends before or does not answer in time.
    """
    with _served(folder) as (address, finished), _started(browser, address) as process:
        remaining = timeout_s
        while not finished.wait(0.2):
            remaining -= 0.2
            if process.poll() is not None:
                raise fail("E0404", f"Chromium ended with status {process.returncode}")
            if remaining <= 0:
                raise fail("E0404", f"Chromium stopped after {timeout_s:g} s")


@contextmanager
def _served(folder: Path) -> Iterator[tuple[str, threading.Event]]:
    """Serve a folder; gives the address of its page and what is set once report.json came."""
    finished = threading.Event()

    class Handler(_FolderHandler):
        root = folder
        reported = finished

    server = _Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/index.html", finished
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: a browser that is stopped resets the connections it has opened in reserve."""


class _FolderHandler(BaseHTTPRequestHandler):
    """GET gives the files of `root`, POST takes the results."""

    root: Path
    reported: threading.Event

    def do_GET(self) -> None:
        path = (self.root / self.path.lstrip("/").partition("?")[0]).resolve()
        if not (path.is_relative_to(self.root.resolve()) and path.is_file()):
            self._answer(404, b"")
            return
        kind = _TYPES.get(path.suffix, "application/octet-stream")
        self._answer(200, path.read_bytes(), kind)

    def do_POST(self) -> None:
        name = self.path.lstrip("/")
        content = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if name not in _RESULTS:
            self._answer(404, b"")
            return
        (self.root / name).write_bytes(content)
        self._answer(200, b"")
        if name == "report.json":
            self.reported.set()

    def _answer(self, status: int, content: bytes, kind: str = "text/plain") -> None:
        self.send_response(status)
        for header, value in _ISOLATION.items():
            self.send_header(header, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the console belongs to the command line."""


@contextmanager
def _started(browser: str, address: str) -> Iterator[subprocess.Popen[bytes]]:
    """Chromium with a fresh profile; it and all its processes end with the block."""
    # Chromium refuses to sandbox itself for the superuser, as in containers.
    sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
    with tempfile.TemporaryDirectory(prefix="edge-chromium-", ignore_cleanup_errors=True) as home:
        command = [browser, *FLAGS, *sandbox, f"--user-data-dir={home}", address]
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()
