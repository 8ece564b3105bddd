"""Run as a module: a moto server (S3, Secrets Manager) on a free port of 127.0.0.1, told on the first line it prints.

A process of its own, because delta-rs holds Python's lock while it waits for an answer. Ends with standard input. One
request at a time: moto looks at `If-None-Match` and writes in two steps, which Amazon's S3 does in one.
"""

import io
import os
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

_ONE = threading.Lock()


class Quiet(WSGIRequestHandler):
    """Logs no request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


def one_at_a_time(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """``app``, a request at a time once its body has arrived."""

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        with _ONE:
            return [b"".join(app(environ, start_response))]

    return serve


if __name__ == "__main__":
    main = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, one_at_a_time(main), threaded=True, request_handler=Quiet)
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
    server.serve_forever()
