"""Google Cloud Storage."""

import functools
import json
from collections.abc import Callable
from datetime import timezone
from pathlib import Path
from typing import Any

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.storage.credentials.found import METADATA, Found, first_of, is_there

_HOST = "https://storage.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_BY_LIBRARY = (
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_PATH",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "GOOGLE_BEARER_TOKEN",
)
_KINDS_OF_LIBRARY = ("service_account", "authorized_user")
# Objects stored with Content-Encoding gzip are unpacked on the way to whoever does not take gzip.
_AS_STORED = {"Accept-Encoding": "gzip"}


@functools.cache
def find() -> Found:
    """Return what a client of Google Cloud Storage is made with.

    Raises:
        UserError: there are credentials that cannot be used.
    """
    emulator = first_of("STORAGE_EMULATOR_HOST")
    if emulator and "://" not in emulator:
        emulator = f"http://{emulator}"
    endpoint = (emulator or first_of("GOOGLE_BASE_URL") or _HOST).rstrip("/")
    config = {"base_url": endpoint}
    signed = Found(config, endpoint, headers=_AS_STORED)
    anonymous = Found({**config, "skip_signature": True}, endpoint, is_signed=False, headers=_AS_STORED)
    if emulator:  # the library signs whatever writes
        return Found({**config, "bearer_token": "emulator"}, endpoint, headers=_AS_STORED)
    if first_of("GOOGLE_SKIP_SIGNATURE"):
        return anonymous
    if first_of(*_BY_LIBRARY):
        return signed
    kind = _kind_of_file()
    if kind is None:
        return signed if _is_there() else anonymous
    return signed if kind in _KINDS_OF_LIBRARY else Found(config, endpoint, _with_google_auth(), headers=_AS_STORED)


def _kind_of_file() -> str | None:
    """Return the kind of the application's default credentials; None where there are none."""
    given = first_of("GOOGLE_APPLICATION_CREDENTIALS")
    folder = Path(first_of("CLOUDSDK_CONFIG") or Path("~/.config/gcloud").expanduser())
    file = Path(given) if given else folder / "application_default_credentials.json"
    try:
        return str(json.loads(file.read_bytes())["type"])
    except FileNotFoundError as error:
        if given:
            raise UserError(f"GOOGLE_APPLICATION_CREDENTIALS={given}: no such file; mend it, or unset it") from error
        return None
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UserError(f"{file}: no Google credentials; `gcloud auth application-default login` makes them") from error


def _with_google_auth() -> Callable[[], dict[str, Any]]:
    try:
        import google.auth
        from google.auth.exceptions import GoogleAuthError
    except ImportError as error:
        raise UserError("these Google credentials are read by google-auth: pip install 'cc100-xlmr[gcs]'") from error
    try:
        credentials, _ = google.auth.default(scopes=[_SCOPE])
    except GoogleAuthError as error:
        remedy = "`gcloud auth application-default login`, or unset GOOGLE_APPLICATION_CREDENTIALS"
        raise UserError(f"Google's default credentials cannot be used: {remedy}") from error
    return functools.partial(_token, credentials)


def _token(credentials: Any) -> dict[str, Any]:
    from google.auth.transport.requests import Request

    credentials.refresh(Request())
    expiry = credentials.expiry
    return {"token": credentials.token, "expires_at": expiry.replace(tzinfo=timezone.utc) if expiry else None}


def _is_there() -> bool:
    """Tell whether this is a machine of Google's, which has an account."""
    if (first_of("NO_GCE_CHECK") or "").lower() == "true":
        return False
    host = first_of("GCE_METADATA_HOST", "GCE_METADATA_IP")
    place = f"http://{host}" if host else METADATA
    return is_there("GET", f"{place}/computeMetadata/v1/instance/id", {"Metadata-Flavor": "Google"})
