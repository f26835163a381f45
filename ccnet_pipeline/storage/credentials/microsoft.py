"""Azure's blobs."""

import functools
import shutil
from pathlib import Path
from typing import Any

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.storage.credentials.found import METADATA, Found, first_of, is_there

_KEYS = (
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_MASTER_KEY",
    "AZURE_STORAGE_KEY",  # of the Azure command line
)
_BY_LIBRARY = (
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_TOKEN",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_STORAGE_CLIENT_SECRET",
    "AZURE_CLIENT_SECRET",
    "AZURE_MSI_ENDPOINT",
    "AZURE_IDENTITY_ENDPOINT",
    "AZURE_USE_AZURE_CLI",
)
_EMULATOR = "http://127.0.0.1:10000"
_ACCOUNT_OF_EMULATOR = "devstoreaccount1"


@functools.cache
def find(host: str) -> Found:
    """Return what a client of Azure's blobs is made with.

    Args:
        host: <account>.dfs.core.windows.net or the like, as it stands in abfss://container@host/, or "".

    Raises:
        UserError: no account is named.
    """
    stated = _connection_string()
    account = host.partition(".")[0] or first_of("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT")
    account = account or stated.get("AccountName")
    if (first_of("AZURE_STORAGE_USE_EMULATOR") or "").lower() in ("1", "true"):
        place = first_of("AZURITE_BLOB_STORAGE_URL") or _EMULATOR
        return Found({"use_emulator": True, "account_name": account or _ACCOUNT_OF_EMULATOR}, place)
    if not account:
        raise UserError(
            "az://: no account is named; write abfss://container@account.dfs.core.windows.net/path, or set "
            "AZURE_STORAGE_ACCOUNT"
        )
    endpoint = first_of("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT") or stated.get("BlobEndpoint")
    config = {"account_name": account, **({"endpoint": endpoint.rstrip("/")} if endpoint else {})}
    endpoint = endpoint or "https://"
    if key := first_of(*_KEYS) or stated.get("AccountKey"):
        return Found({**config, "account_key": key}, endpoint)
    if signature := stated.get("SharedAccessSignature"):
        return Found({**config, "sas_key": signature}, endpoint)
    return _by_token(config, endpoint)


def _by_token(config: dict[str, Any], endpoint: str) -> Found:
    if first_of(*_BY_LIBRARY):
        return Found(config, endpoint)
    if not first_of("AZURE_SKIP_SIGNATURE"):
        if _is_logged_in():
            return Found({**config, "use_azure_cli": True}, endpoint)
        if is_there("GET", f"{METADATA}/metadata/instance?api-version=2021-02-01", {"Metadata": "true"}):
            return Found(config, endpoint)
    return Found({**config, "skip_signature": True}, endpoint, is_signed=False)


def _connection_string() -> dict[str, str]:
    parts = (first_of("AZURE_STORAGE_CONNECTION_STRING") or "").split(";")
    return dict(part.split("=", 1) for part in parts if "=" in part)


def _is_logged_in() -> bool:
    """Tell whether the Azure command line is there, and was logged in with."""
    folder = Path(first_of("AZURE_CONFIG_DIR") or Path("~/.azure").expanduser())
    return shutil.which("az") is not None and (folder / "azureProfile.json").is_file()
