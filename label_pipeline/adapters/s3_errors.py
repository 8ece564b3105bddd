"""What boto3 and delta-rs say of S3's refusals and losses, as one sentence: found, expected, what to do."""

import re

from label_pipeline.core.errors import StorageError
from label_pipeline.core.url_credentials import without_credentials

_CODE = re.compile(r"<Code>(\w+)</Code>|An error occurred \((\w+)\)")
_COLOUR = re.compile(r"\x1b\[\d*m|↳")
_SIGN_IN = re.compile(r"\bcredentials?\b|\bSSO\b", re.IGNORECASE)
"""How an error without a code says that no credentials were found, or that a sign-in has expired."""

MOST = 300
"""Characters of the library's own words: enough for the host and the system's error."""

_NO_BUCKET = {
    "NoSuchBucket", "PermanentRedirect", "IllegalLocationConstraintException", "InvalidBucketName",
    "AuthorizationHeaderMalformed",
}  # fmt: skip
"""The last one is the answer of another region."""

_NO_PERMISSION = {"AccessDenied", "AllAccessDisabled", "AccountProblem", "Forbidden", "403", "AccessDeniedException"}
_BAD_CREDENTIALS = {
    "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "InvalidClientTokenId",
    "TokenRefreshRequired", "AuthFailure", "UnrecognizedClientException",
}  # fmt: skip


def explained(place: str, doing: str, error: Exception) -> StorageError:
    """The sentence for ``error``.

    Args:
        place: address of the object, table or prefix.
        doing: read, written, listed, opened.
        error: what the library raised.
    """
    words = without_credentials(" ".join(_COLOUR.sub("", str(error)).split()))
    code = _code(words)
    if code in _NO_BUCKET:
        found = f"S3 has no such bucket here ({code})"
        remedy = "expected one made beforehand, in the region the environment names: correct the address, or create it"
    elif code in _NO_PERMISSION:
        found = f"S3 refuses these credentials ({code})"
        remedy = (
            "expected permission to list, read and write below this address: docs/production.md has the policy; what "
            "was stored before is kept, run again once it is granted"
        )
    elif code in _BAD_CREDENTIALS or _SIGN_IN.search(words):
        found = f"S3 does not accept these credentials ({code or words[:MOST]})"
        remedy = "expected valid ones from the environment, a profile or the machine's role: renew them, then run again"
    elif code is None:
        found = f"the connection to S3 failed ({_ending(words)})"
        remedy = "what was stored before is kept: check AWS_ENDPOINT_URL and the network, then run again"
    else:
        found = f"S3 answered {code} ({_ending(words)})"
        remedy = "what was stored before is kept: run again, or look the code up"
    return StorageError(f"{without_credentials(place)} cannot be {doing}: {found}; {remedy}")


def _code(words: str) -> str | None:
    named = _CODE.search(words)
    if named:
        return named[1] or named[2]
    return "Forbidden" if "403 Forbidden" in words else None


def _ending(words: str) -> str:
    """The end of a chain of causes is the one that says something."""
    return words if len(words) <= MOST else f"…{words[-MOST:]}"
