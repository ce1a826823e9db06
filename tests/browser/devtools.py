"""A Chromium that tests drive, by the DevTools protocol over two pipes.

Chromium's --remote-debugging-pipe reads commands from file descriptor 3 and writes answers and
events to 4, each a JSON object closed by a NUL byte, so no WebSocket is needed. Bash puts the pipes
there; other shells take one digit.
https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import json
import os
import select
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge.runners.browser import FLAGS, chromium

_TIMEOUT_S = 60.0
_FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
_VIDEO = "--use-file-for-fake-video-capture"


class Failed(Exception):
    """What the browser or the page said."""


class Browser:
    """One browser with a fresh profile. Events of all its pages come in with the answers."""

    def __init__(self, process: subprocess.Popen[bytes], write: int, read: int) -> None:
        self.process, self._write, self._read = process, write, read
        self._next, self._buffer = 0, b""
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        return self.call_all(method, session, [params])[0]

    def call_all(
        self, method: str, session: str | None, each: Sequence[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Send all commands, then wait for all answers: pointer moves share a frame that way."""
        named = {"sessionId": session} if session else {}
        first = self._next + 1
        for params in each:
            self._next += 1
            message = {"id": self._next, "method": method, "params": params, **named}
            os.write(self._write, json.dumps(message).encode() + b"\0")
        answers = {}
        while len(answers) < len(each):
            received = self._receive()
            if received.get("id", 0) < first:
                self.events.append(received)
                continue
            if "error" in received:
                raise Failed(f"{method}: {received['error']['message']}")
            answers[received["id"]] = dict(received["result"])
        return [answers[number] for number in range(first, self._next + 1)]

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            if not select.select([self._read], [], [], _TIMEOUT_S)[0]:
                raise Failed(f"no answer within {_TIMEOUT_S:g} s")
            part = os.read(self._read, 1 << 20)
            if not part:
                raise Failed("the browser has ended")
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))

    def page(self, width: int = 1000, height: int = 800) -> Page:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.resize(width, height)
        return page


class Page:
    """A tab, used as a person would: by pointer and keys, or asked by JavaScript."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **params)

    def open(self, address: str) -> None:
        self.call("Page.navigate", url=address)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def reload(self) -> None:
        self.evaluate("window.isOld = true")
        self.call("Page.reload")
        self.until("!window.isOld && document.readyState === 'complete'")

    def before_load(self, script: str) -> None:
        """Run a script in each document from now on, before those of the page."""
        self.call("Page.addScriptToEvaluateOnNewDocument", source=script)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, awaited. Raises Failed with what it throws."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True,
                           returnByValue=True, userGesture=True)  # fmt: skip
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise Failed(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def until(self, condition: str, timeout_s: float = _TIMEOUT_S) -> Any:
        """Wait until a condition holds and give its value."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            try:
                if value := self.evaluate(condition):
                    return value
            except Failed as failed:  # a page that is being left has no context for a moment
                if "context" not in str(failed):
                    raise
            time.sleep(0.02)
        raise Failed(f"not within {timeout_s:g} s: {condition}")

    def drag(self, places: Sequence[tuple[float, float]]) -> None:
        """Press at the first place, move through the others, release; pixels of the page."""
        kinds = ["Pressed", *["Moved"] * (len(places) - 1), "Released"]
        each = [
            {"type": f"mouse{kind}", "x": x, "y": y, "button": "left", "clickCount": 1,
             "buttons": 0 if kind == "Released" else 1}
            for kind, (x, y) in zip(kinds, [*places, places[-1]], strict=True)
        ]  # fmt: skip
        self._browser.call_all("Input.dispatchMouseEvent", self._session, each)

    def click(self, selector: str) -> None:
        x, y, width, height = self.box(selector)
        self.drag([(x + width / 2, y + height / 2)])

    def box(self, selector: str) -> list[float]:
        """x, y, width and height of an element, which is scrolled into view."""
        found: list[float] = self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({ block: 'center', behavior: 'instant' });"
            "const b = e.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })()"
        )
        return found

    def key(self, key: str, code: int, text: str = "") -> None:
        shared = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **shared)
        self.call("Input.dispatchKeyEvent", type="keyUp", **shared)

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def resize(self, width: int, height: int) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)  # fmt: skip

    def prefer(self, scheme: str) -> None:
        """`scheme` is light or dark."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[feature])

    def offline(self, is_offline: bool) -> None:
        self.call("Network.emulateNetworkConditions", offline=is_offline, latency=0,
                  downloadThroughput=-1, uploadThroughput=-1)  # fmt: skip

    def screenshot(self, file: Path, whole: bool = False) -> None:
        image = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(image["data"]))

    def complaints(self) -> list[str]:
        """Errors and warnings of the console and uncaught exceptions, so far."""
        self.evaluate("0")
        found = (_complaint(e) for e in self._browser.events if e.get("sessionId") == self._session)
        return [text for text in found if text]


def _complaint(event: dict[str, Any]) -> str:
    method, params = event.get("method"), event.get("params", {})
    if method == "Runtime.exceptionThrown":
        details = params["exceptionDetails"]
        return str(details.get("exception", {}).get("description", details["text"]))
    if method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
        return " ".join(str(a.get("value", a.get("description"))) for a in params["args"])
    if method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
        return f"{params['entry']['text']} {params['entry'].get('url', '')}"
    return ""


@contextmanager
def browser(video: Path | None = None) -> Iterator[Browser]:
    """A headless Chromium; it and all its processes end with the block.

    `video` is a .y4m file that its camera sees, over and over.
    """
    seen = (f"{_VIDEO}={video}",) if video else ()
    to_read, to_write = os.pipe()
    from_read, from_write = os.pipe()
    with tempfile.TemporaryDirectory(prefix="edge-devtools-", ignore_cleanup_errors=True) as home:
        sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
        flags = (*FLAGS, *_FAKE_CAMERA, *seen, *sandbox, "--remote-debugging-pipe")
        command = shlex.join([chromium(), *flags, f"--user-data-dir={home}"])
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command} 3<&{to_read} 4>&{from_write}"],
            pass_fds=(to_read, from_write), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        os.close(to_read)
        os.close(from_write)
        try:
            yield Browser(process, to_write, from_read)
        finally:
            os.close(to_write)
            os.close(from_read)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
