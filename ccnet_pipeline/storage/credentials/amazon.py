"""Amazon S3, and stores that speak as it does."""

import functools
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.storage.credentials.found import METADATA, Found, first_of, is_there

_RENEWED_AFTER = timedelta(minutes=15)
_BY_LIBRARY = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
_FILES = (("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"), ("AWS_CONFIG_FILE", "~/.aws/config"))


@functools.cache
def find() -> Found:
    """Return what a client of S3 is made with.

    Raises:
        UserError: a profile is to be used, and cannot.
    """
    endpoint = first_of("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    config = {"endpoint": endpoint.rstrip("/")} if endpoint else {}
    endpoint = endpoint or "https://"
    anonymous = Found({**config, "skip_signature": True}, endpoint, is_signed=False)
    if first_of("AWS_SKIP_SIGNATURE"):
        return anonymous
    has_keys = first_of("AWS_ACCESS_KEY_ID") and first_of("AWS_SECRET_ACCESS_KEY")
    if not first_of("AWS_PROFILE") and (has_keys or first_of(*_BY_LIBRARY)):
        return Found(config, endpoint)
    profile = _of_profile()
    if profile is not None:
        provider, region = profile
        if region and not first_of("AWS_REGION", "AWS_DEFAULT_REGION"):
            config["region"] = region
        return Found(config, endpoint, provider)
    return Found(config, endpoint) if _has_role() else anonymous


def _of_profile() -> tuple[Callable[[], dict[str, Any]], str | None] | None:
    """Return what the files of the AWS command line say; None without such files, or without credentials in them."""
    named = first_of("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
    if not named and not any(Path(first_of(name) or place).expanduser().is_file() for name, place in _FILES):
        return None
    try:
        import botocore.session
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        remedy = "pip install 'cc100-xlmr[s3]', or `eval $(aws configure export-credentials --format env)`"
        which = f"AWS profile {named}" if named else "~/.aws"
        raise UserError(f"{which} is read by boto3, which is not installed: {remedy}") from error
    try:
        session = botocore.session.Session(profile=named)
        session.get_component("credential_provider").remove("iam-role")  # asked for below, with less patience
        credentials = session.get_credentials()
        region = session.get_config_variable("region")
        if credentials is not None:
            credentials.get_frozen_credentials()  # a login may have ended
    except BotoCoreError as error:
        raise UserError(f"AWS profile {named or 'default'}: {' '.join(str(error).split())}") from error
    if credentials is not None:
        return functools.partial(_frozen, credentials), region
    if named:
        raise UserError(f"AWS profile {named} has no credentials; `aws configure --profile {named}` sets them")
    return None


def _frozen(credentials: Any) -> dict[str, Any]:
    """Return what botocore's credentials are now; it renews them itself."""
    now = credentials.get_frozen_credentials()
    return {
        "access_key_id": now.access_key,
        "secret_access_key": now.secret_key,
        "token": now.token,
        "expires_at": datetime.now(timezone.utc) + _RENEWED_AFTER,
    }


def _has_role() -> bool:
    if (first_of("AWS_EC2_METADATA_DISABLED") or "").lower() == "true":
        return False
    place = (first_of("AWS_METADATA_ENDPOINT") or METADATA).rstrip("/")
    return is_there("PUT", f"{place}/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
