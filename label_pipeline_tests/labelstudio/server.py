"""Starts Label Studio on this machine with an empty database, and signs people in as its own pages do.

Keep out: what is tested with it.
"""

import http.cookiejar
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

VARIABLE = "LABEL_STUDIO_PYTHON"
"""Names another environment's python."""

INSTALLED = Path(sys.executable).parents[1] / "labelstudio" / "bin" / "python"
OWNER, PASSWORD = "owner@example.org", "a password of this test"
PATIENCE_S = 300.0
"""40 CPU seconds of migrations on an idle machine, minutes on a busy one."""


def python() -> Path | None:
    """The python of the environment Label Studio is in; None where there is none."""
    named = os.environ.get(VARIABLE)
    found = Path(named) if named else INSTALLED
    return found if found.exists() else None


@contextmanager
def serving(found: Path, folder: Path) -> Iterator[str]:
    """Runs the server on ``folder``'s data; yields its address once it is up.

    It is told to look for no newer version, and to send no statistics.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder / "data"), "DJANGO_DB": "sqlite", "LATEST_VERSION_CHECK": "false",
        "COLLECT_ANALYTICS": "false", "SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": "",
        "LABEL_STUDIO_USERNAME": OWNER, "LABEL_STUDIO_PASSWORD": PASSWORD,
    }  # fmt: skip
    command = [found.parent / "label-studio", "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", port]
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(part) for part in command], env=environment, cwd=folder, stdout=out, stderr=out, start_new_session=True
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(process, address, log)
            yield address
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            with urlopen(f"{address}/health", timeout=5) as reply:
                assert json.load(reply) == {"status": "UP"}
                return
        except (URLError, TimeoutError, ConnectionError):
            said = log.read_text(errors="replace")[-3000:]
            assert process.poll() is None, f"Label Studio ended: {said}"
            assert time.monotonic() < deadline, f"Label Studio was not up after {PATIENCE_S} s: {said}"
            time.sleep(0.5)


class RefusedError(Exception):
    """The server's no: its status and words."""


class Person:
    """Somebody's browser session."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.jar = http.cookiejar.CookieJar()
        self.opener = build_opener(HTTPCookieProcessor(self.jar))

    @classmethod
    def signed_in(cls, address: str, email: str, *, page: str = "login") -> "Person":
        """Fills in the form of ``/user/login`` or ``/user/signup``."""
        person = cls(address)
        url = f"{address}/user/{page}/"
        form = person.opener.open(url).read().decode()
        token = re.search(r'csrfmiddlewaretoken" value="([^"]+)', form)
        assert token, form[:500]
        fields = {
            "csrfmiddlewaretoken": token[1], "email": email, "password": PASSWORD,
            "elaborate": "", "allow_newsletters": "false",
        }  # fmt: skip
        person.opener.open(Request(url, data=urlencode(fields).encode(), headers={"Referer": url}))
        assert person.api("GET", "/api/current-user/whoami")["email"] == email
        return person

    def text(self, path: str) -> str:
        """What GET answers."""
        reply: bytes = self.opener.open(self.address + path).read()
        return reply.decode()

    def api(self, method: str, path: str, body: object = None) -> Any:
        """One request of the REST API.

        Raises:
            RefusedError: any status but 2xx.
        """
        headers = {"Content-Type": "application/json", "Referer": self.address, "X-CSRFToken": self._token()}
        data = None if body is None else json.dumps(body).encode()
        try:
            with self.opener.open(Request(self.address + path, data, headers, method=method)) as reply:
                text = reply.read()
        except HTTPError as error:
            raise RefusedError(f"{error.code}: {error.read().decode()[:1000]}") from error
        return json.loads(text) if text else None

    def _token(self) -> str:
        return next(str(cookie.value) for cookie in self.jar if cookie.name == "csrftoken")
