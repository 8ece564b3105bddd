"""Run as a module: a proxy in front of an S3 server that makes the troubles it is told, on a free port.

Standard input: the server's address on the first line; then, any number of times, a line with a JSON list of rules,
answered with a line of how often each rule of the list before has struck. A rule is {method, path (regular
expressions), do, skip (let so many matching requests pass first), times (then strike so often)}; `do` is one of

* forbid   answer 403 AccessDenied, as a policy without the permission does
* expire   answer 400 ExpiredToken, as S3 does to credentials of a role that were not renewed
* conflict answer 409, as S3 does to a conditional write while another one is under way
* cut      pass half of the body on, then drop both connections
* unconditional, unmatched  pass the request on without its If-None-Match, or If-Match, as a server that knows none
* swallow  let the server do its work, drop the connection instead of answering

Keep out: expectations.
"""

import http.client
import json
import re
import socket
import sys
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

ANSWERS = {
    "forbid": (403, "AccessDenied"), "expire": (400, "ExpiredToken"), "conflict": (409, "ConditionalRequestConflict"),
}  # fmt: skip
ERROR = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{}</Code><Message>Told to say so</Message></Error>'
WITHOUT = {"unconditional": "If-None-Match", "unmatched": "If-Match"}
HOP = {"connection", "transfer-encoding", "keep-alive"}


class Rules:
    """The rules in force and how often each has struck."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: Sequence[dict[str, Any]] = []
        self._seen: list[int] = []

    def set(self, rules: Sequence[dict[str, Any]]) -> list[int]:
        """Replaces the rules; returns the strikes of the old ones."""
        with self._lock:
            strikes = [
                max(0, min(seen - rule.get("skip", 0), rule.get("times", seen)))
                for rule, seen in zip(self._rules, self._seen, strict=True)
            ]
            self._rules, self._seen = rules, [0] * len(rules)
            return strikes

    def strike(self, method: str, path: str) -> str | None:
        """What to do with this request."""
        with self._lock:
            for number, rule in enumerate(self._rules):
                if re.fullmatch(rule["method"], method) and re.search(rule["path"], path):
                    self._seen[number] += 1
                    after = self._seen[number] - rule.get("skip", 0)
                    if 0 < after <= rule.get("times", after):
                        return str(rule["do"])
        return None


RULES = Rules()
SERVER = ""


class Troubled(BaseHTTPRequestHandler):
    """Passes a request on, or makes trouble."""

    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        """Any method."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        trouble = RULES.strike(self.command, self.path)
        if trouble in ANSWERS:
            status, code = ANSWERS[trouble]
            return self._answer(status, {}, ERROR.format(code).encode())
        if trouble == "cut":
            self._send_half(body)
            return self._drop()
        if trouble in WITHOUT:
            del self.headers[WITHOUT[trouble]]
        there = http.client.HTTPConnection(SERVER, timeout=60)
        there.request(self.command, self.path, body, dict(self.headers.items()))
        answer = there.getresponse()
        content = answer.read()
        there.close()
        if trouble == "swallow":
            return self._drop()
        return self._answer(answer.status, dict(answer.getheaders()), content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815 - names of the base class

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in HOP and not (name.lower() == "content-length" and self.command != "HEAD"):
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _send_half(self, body: bytes) -> None:
        host, _, port = SERVER.partition(":")
        with socket.create_connection((host, int(port))) as there:
            head = f"{self.command} {self.path} HTTP/1.1\r\n{self.headers}"
            there.sendall(head.encode() + body[: len(body) // 2])

    def _drop(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def say(line: str) -> None:
    """A line on standard output, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    SERVER = urlsplit(sys.stdin.readline().strip()).netloc
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Troubled)
    say(f"http://127.0.0.1:{proxy.server_port}")
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    for line in sys.stdin:
        say(json.dumps(RULES.set(json.loads(line))))
