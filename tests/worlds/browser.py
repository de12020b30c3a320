"""A real Chromium that a test drives: what it shows, what it asks for, what its console says, and keys pressed in it.

    with open_browser(CHROMIUM, folder) as browser:
        page = browser.page(width=390)
        page.go(site.url + "/documents")
        page.wait("document.querySelector('.passed')")
        page.press("Tab")

Source: the Chrome DevTools Protocol.
"""

import base64
import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

_PATIENCE_S = 30.0
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-sync", "--disable-extensions"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    *("--hide-scrollbars", "--force-device-scale-factor=1", "--remote-debugging-port=0"),
    "--host-resolver-rules=MAP plain-http.example 127.0.0.1",
)
_KEYS = {"Tab": (9, ""), "Enter": (13, "\r"), " ": (32, " "), "Escape": (27, "")}


class Page:
    """One tab.

    Attributes:
        complaints: what the console said: errors, warnings, what the page's own policy blocked.
        asked: every address that was asked for, as the network saw it.
        referrers: every Referer that was sent.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.referrers: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command, and its answer."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            told = json.loads(self._socket.recv(timeout=_PATIENCE_S))
            if told.get("id") == self._number:
                assert "error" not in told, (method, told["error"])
                result: dict[str, Any] = told["result"]
                return result
            self._note(told)

    def _note(self, told: dict[str, Any]) -> None:
        facts = told.get("params", {})
        match told.get("method"):
            case "Log.entryAdded":
                self.complaints.append(facts["entry"]["text"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(facts["exceptionDetails"]))
            case "Runtime.consoleAPICalled":
                self.complaints.append(str(facts["args"]))
            case "Network.requestWillBeSent":
                self.asked.append(facts["request"]["url"])
                headers = facts["request"]["headers"]
                self.referrers += [value for name, value in headers.items() if name.lower() == "referer" and value]
            case _:
                pass

    def go(self, url: str) -> None:
        """Opens an address, and waits until the page and its modules have loaded."""
        self.send("Page.navigate", url=url)
        path = json.dumps(url.partition("#")[0])
        self.wait(f"document.readyState === 'complete' && location.href.split('#')[0] === {path}")

    def value(self, expression: str) -> Any:
        """What an expression comes to in the page; of a promise, what it is kept with."""
        told = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def wait(self, expression: str, *, patience_s: float = _PATIENCE_S) -> None:
        """Waits until an expression is true.

        Raises:
            AssertionError: it never became so; with what the page says.
        """
        end_s = time.monotonic() + patience_s
        while not self.value(f"Boolean({expression})"):
            assert time.monotonic() < end_s, f"{expression}: {self.text()} {self.complaints}"
            time.sleep(0.02)

    def text(self, selector: str = "main") -> str:
        """What a reader sees of an element."""
        return str(self.value(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    def press(self, key: str, *, shift: bool = False) -> None:
        """A key pressed and released."""
        code, text = _KEYS[key]
        given = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **given)
        self.send("Input.dispatchKeyEvent", type="keyUp", **given)

    def type(self, text: str) -> None:
        """A text typed where the cursor is."""
        self.send("Input.insertText", text=text)

    def resize(self, width: int, height: int) -> None:
        """Another window."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def color_scheme(self, scheme: str) -> None:
        """Light or dark."""
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def scripts_off(self) -> None:
        """No page runs a script from now on."""
        self.send("Emulation.setScriptExecutionDisabled", value=True)

    def picture(self) -> bytes:
        """What the whole page looks like, as PNG."""
        told = self.send("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(told["data"])


class OpenBrowser:
    """A running Chromium with a profile of its own."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sockets: list[ClientConnection] = []

    def page(self, *, width: int = 1_280, height: int = 900) -> Page:
        """A new tab."""
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}/json/new", method="PUT")
        with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:
            url = json.load(answer)["webSocketDebuggerUrl"]
        socket = connect(url, max_size=None, proxy=None)
        self._sockets.append(socket)
        page = Page(socket)
        page.resize(width, height)
        return page

    def close(self) -> None:
        """Ends all talk with it."""
        for socket in self._sockets:
            socket.close()


@contextmanager
def open_browser(program: str, folder: Path) -> Iterator[OpenBrowser]:
    """Starts Chromium, and ends it.

    Raises:
        AssertionError: it does not start.
    """
    profile = folder / "driven"
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    command = [program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"]
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    told = profile / "DevToolsActivePort"
    end_s = time.monotonic() + _PATIENCE_S
    try:
        while not told.exists() or not told.read_text().strip():
            assert process.poll() is None and time.monotonic() < end_s, (folder / "chromium.log").read_text()
            time.sleep(0.05)
        browser = OpenBrowser(int(told.read_text().split()[0]))
        try:
            yield browser
        finally:
            browser.close()
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
