"""What tests of adapters share. Keep out: servers, which every test starts for itself."""

import ssl
from functools import cache

import pytest


@pytest.fixture
def one_tls_context(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each client loads every certificate there is, 60 ms long; where nothing speaks TLS, once is enough."""
    monkeypatch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
