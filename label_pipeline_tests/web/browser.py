"""Chromium without a window, driven over its DevTools protocol: open a page, wait for words, take a picture.

Only what the tests of this folder need. Chromium is never downloaded here; `.ci/run` installs it where it can.
"""

import asyncio
import base64
import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from label_pipeline_tests.web.processes import ended

NAMES = ("chromium", "chromium-browser", "google-chrome")

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--no-default-browser-check",
    "--remote-debugging-port=0", "--window-size=1600,1400",
)  # fmt: skip
"""The sandbox needs rights a container does not give; the pages are our own."""


SCROLL = """
for (const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); walk.nextNode();) {
  if (walk.currentNode.nodeValue.includes(%s)) {
    walk.currentNode.parentElement.scrollIntoView({block: "center"});
    break;
  }
}"""


def executable() -> str | None:
    """Chromium, where the machine has one."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@dataclass
class Page:
    """One tab."""

    socket: aiohttp.ClientWebSocketResponse
    sent: int = field(default=0)

    async def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends one command and waits for its result."""
        self.sent += 1
        await self.socket.send_json({"id": self.sent, "method": method, "params": parameters})
        while True:
            told = json.loads((await self.socket.receive(timeout=60)).data)
            if told.get("id") == self.sent:
                assert "error" not in told, told
                return dict(told["result"])

    async def text(self) -> str:
        """The words a reader of the page sees."""
        result = await self.command("Runtime.evaluate", expression="document.body.innerText")
        return str(result["result"].get("value", ""))

    async def open(self, url: str, *words: str, seconds: float = 60) -> str:
        """Opens ``url`` and waits until it shows every one of ``words``; returns all it shows."""
        await self.command("Page.navigate", url=url)
        deadline = time.monotonic() + seconds
        while missing := [word for word in words if word not in (shown := await self.text())]:
            assert time.monotonic() < deadline, f"{url} does not show {missing}; it shows:\n{shown}"
            await asyncio.sleep(0.5)
        return await self.text()

    async def picture(self, path: Path, around: str) -> None:
        """Scrolls to where the page says ``around`` and keeps what the window shows as PNG."""
        await self.command("Runtime.evaluate", expression=SCROLL % json.dumps(around))
        await asyncio.sleep(0.5)  # drawn after the scroll
        taken = await self.command("Page.captureScreenshot", format="png")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(taken["data"]))


@asynccontextmanager
async def chromium(program: str, profile: Path) -> AsyncIterator[Page]:
    """A fresh browser with the given profile folder; ended with everything it started when the block ends."""
    command = [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        async with aiohttp.ClientSession() as session:
            port = await _port(browser, profile)
            async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                tabs = [tab for tab in await answer.json(content_type=None) if tab["type"] == "page"]
            async with session.ws_connect(tabs[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                page = Page(socket)
                await page.command("Page.enable")
                yield page
    finally:
        ended(browser)


async def _port(browser: subprocess.Popen[bytes], profile: Path, seconds: float = 60) -> int:
    """The port Chromium chose; it writes it into its profile."""
    told, deadline = profile / "DevToolsActivePort", time.monotonic() + seconds
    while not (told.exists() and told.read_text().strip()):
        assert browser.poll() is None, f"Chromium ended with {browser.returncode}"
        assert time.monotonic() < deadline, f"Chromium did not open its port within {seconds:g} s"
        await asyncio.sleep(0.1)
    return int(told.read_text().split()[0])
