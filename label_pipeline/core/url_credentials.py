"""Addresses as a message may show them: without the credentials that some of them hold."""

import re

HIDDEN = "***"

_IN_FRONT_OF_HOST = re.compile(r"(?<=://)(?:[^\s/@]*|[^\s/@:]+:[^\s@]*)@")
"""``user:secret@``; a secret of AWS may hold a slash."""

_PARAMETER = re.compile(
    r"(?<=[?&;])(x-(?:amz|goog)-(?:signature|credential|security-token)|awsaccesskeyid|[\w-]*(?:sig|signature|token|key|secret|password))"
    r"=[^&\s'\"<>]*",
    re.IGNORECASE,
)
"""What signs an address, or looks like a key in it."""


def without_credentials(text: str) -> str:
    """``text`` with credentials in its addresses replaced: in front of a host, and in what signs an address."""
    return _PARAMETER.sub(rf"\1={HIDDEN}", _IN_FRONT_OF_HOST.sub(f"{HIDDEN}@", text))
