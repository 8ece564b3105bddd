"""Reads one secret of AWS Secrets Manager, over a boto3 client that is handed in.

No message holds a secret, nor the name it was asked by: whoever puts the secret itself there must not see it in a log.
"""

import json
from typing import Any, Protocol

from label_pipeline.core.errors import SettingsError, StorageError

_NAME_OR_PERMISSION = {
    "ResourceNotFoundException", "AccessDeniedException", "AccessDenied", "InvalidParameterException",
    "InvalidRequestException", "ValidationException", "DecryptionFailure",
}  # fmt: skip
"""What somebody has to correct; the rest passes: expired credentials, too many requests, trouble of the service."""

ARN_PARTS = 7
"""An ARN holds colons itself: arn:aws:secretsmanager:region:account:secret:name."""


class SecretsClient(Protocol):
    """The method of a boto3 Secrets Manager client that is used."""

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803 - the name boto3 gives it
        """Reads one secret."""
        ...


def read_secret(client: SecretsClient, name: str, setting: str) -> str:
    """The secret's text, or one field of it.

    Args:
        client: Secrets Manager.
        name: its name or ARN; ``name:field`` is a field of a secret that holds a JSON object.
        setting: the key of the settings file that names it, for messages.

    Raises:
        SettingsError: there is no such secret or field, or it may not be read.
        StorageError: Secrets Manager cannot be reached, or takes no request of these credentials now.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    secret, field = _split(name)
    try:
        text = client.get_secret_value(SecretId=secret).get("SecretString")
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in _NAME_OR_PERMISSION:
            raise StorageError(
                f"{setting}: Secrets Manager answered {code}; expected credentials that have not expired: renew them, "
                "or wait a moment, then run again"
            ) from None
        raise SettingsError(
            f"{setting}: Secrets Manager answered {code}; expected the name of a secret in this region, and permission "
            "secretsmanager:GetSecretValue on it: correct the name or grant it, then run again"
        ) from None  # its message repeats the name
    except BotoCoreError as error:
        raise StorageError(
            f"{setting}: Secrets Manager cannot be reached ({type(error).__name__}); expected region and credentials "
            "in the environment: check them and the network, then run again"
        ) from None
    if field is not None:
        text = _field(text, field, setting)
    if not isinstance(text, str) or not text.strip():
        raise SettingsError(f"{setting}: the secret holds no text; expected the key: store it as text, not as bytes")
    return text.strip()


def _split(name: str) -> tuple[str, str | None]:
    parts = name.split(":")
    own = ARN_PARTS if parts[0] == "arn" else 1
    return ":".join(parts[:own]), ":".join(parts[own:]) or None


def _field(text: str | None, field: str, setting: str) -> object:
    try:
        found = json.loads(text or "")
    except ValueError:
        found = None
    if not isinstance(found, dict) or field not in found:
        raise SettingsError(
            f"{setting}: the secret has no such field; expected a JSON object with it: correct what stands after the "
            "colon, or leave it out where the secret is the bare key"
        ) from None
    return found[field]
