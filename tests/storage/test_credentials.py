"""Who asks, and where: what the environment says, and what it means for the requests."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ccnet_pipeline import storage
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.storage import clients, credentials
from ccnet_pipeline.storage.credentials import found, microsoft
from tests.fetch.server import FaultServer


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def profiles(tmp_path: Path) -> None:
    """What `aws configure` writes."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text(
        "[default]\naws_access_key_id = of-default\naws_secret_access_key = s\n"
        "[corpus]\naws_access_key_id = of-corpus\naws_secret_access_key = s\n"
    )
    (tmp_path / ".aws/config").write_text("[profile corpus]\nregion = eu-west-3\n[profile empty]\nregion = eu-west-3\n")


@pytest.fixture
def signature_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """`signature_of()`: how a request for an object is signed."""
    (tmp_path / "served/bucket").mkdir(parents=True)
    (tmp_path / "served/bucket/a").write_bytes(b"x")

    def ask() -> str:
        clients.forget_clients()
        with FaultServer(tmp_path / "served") as server:
            monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
            assert storage.read("s3://bucket/a") == b"x"
            return server.log[0].headers.get("authorization", "")

    return ask


def test_keys_come_before_profiles_and_a_named_profile_before_keys(
    profiles: None, signature_of: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "of-default" in signature_of()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    assert "of-environment" in signature_of()
    monkeypatch.setenv("AWS_PROFILE", "corpus")
    signature = signature_of()
    assert "of-corpus" in signature
    assert "/eu-west-3/" in signature
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    assert "/us-west-2/" in signature_of()


def test_without_credentials_requests_are_anonymous(signature_of: Callable[[], str]) -> None:
    assert signature_of() == ""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none", r"^AWS profile none: The config profile \(none\) could not be found$"),
        ("empty", r"^AWS profile empty has no credentials; `aws configure --profile empty` sets them$"),
    ],
)
def test_a_profile_that_is_none(profiles: None, monkeypatch: pytest.MonkeyPatch, name: str, message: str) -> None:
    monkeypatch.setenv("AWS_PROFILE", name)
    with pytest.raises(UserError, match=message):
        storage.read("s3://bucket/a")


@pytest.mark.parametrize(
    ("path", "missing", "message"),
    [
        ("s3://bucket/a", "botocore", r"^AWS profile corpus is read by boto3, .*: pip install 'cc100-xlmr\[s3\]', or"),
        ("gs://bucket/a", "google", r"^these Google credentials are read by google-auth: pip install 'cc100-xlmr\[gcs"),
    ],
)
def test_what_reads_credentials_may_not_be_installed(
    path: str, missing: str, message: str, profiles: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "corpus")
    (tmp_path / "adc.json").write_text(json.dumps({"type": "external_account"}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "adc.json"))
    real = builtins.__import__

    def without(name: str, *more: Any) -> Any:
        if name.partition(".")[0] == missing:
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match=message):
        storage.read(path)


def test_google_credentials_that_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(UserError, match=r"none\.json: no such file; mend it, or unset it$"):
        storage.read("gs://bucket/a")
    (tmp_path / "none.json").write_text("not json")
    with pytest.raises(UserError, match=r"none\.json: no Google credentials; `gcloud auth application-default login`"):
        storage.read("gs://bucket/a")


@pytest.mark.parametrize(
    ("environment", "path", "wanted"),
    [
        ({"AZURE_STORAGE_ACCOUNT": "a", "AZURE_STORAGE_KEY": "k"}, "az://c/x",
         {"account_name": "a", "account_key": "k"}),
        ({"AZURE_STORAGE_ACCOUNT": "a", "AZURE_STORAGE_KEY": "k"}, "abfss://c@b.dfs.core.windows.net/x",
         {"account_name": "b", "account_key": "k"}),
        ({"AZURE_STORAGE_CONNECTION_STRING": "AccountName=a;AccountKey=k==;EndpointSuffix=core.windows.net"}, "az://c/x",
         {"account_name": "a", "account_key": "k=="}),
        ({"AZURE_STORAGE_CONNECTION_STRING": "BlobEndpoint=http://h/a/;SharedAccessSignature=s=1&g=2;AccountName=a"},
         "az://c/x", {"account_name": "a", "endpoint": "http://h/a", "sas_key": "s=1&g=2"}),
        ({"AZURE_STORAGE_ACCOUNT": "a", "AZURE_STORAGE_SAS_TOKEN": "s"}, "az://c/x", {"account_name": "a"}),
        ({"AZURE_STORAGE_ACCOUNT": "a"}, "az://c/x", {"account_name": "a", "skip_signature": True}),
    ],
)  # fmt: skip
def test_what_azure_is_asked_with(
    environment: dict[str, str], path: str, wanted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(microsoft, "is_there", lambda *_: False)
    assert credentials.found_for(path).config == wanted


def test_a_machine_of_the_cloud_is_asked_once_whether_it_has_a_role(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []

    def is_there(method: str, url: str, headers: Any) -> bool:
        asked.append(url)
        return True

    for module in ("amazon", "google", "microsoft"):
        ask = f"ccnet_pipeline.storage.credentials.{module}.is_there"
        monkeypatch.setattr(ask, is_there)
    for name in ("AWS_EC2_METADATA_DISABLED", "NO_GCE_CHECK"):
        monkeypatch.delenv(name)
    for path in ("s3://bucket/a", "gs://bucket/a", "abfss://c@a.dfs.core.windows.net/a") * 2:
        assert credentials.found_for(path).is_signed
    assert [url.partition("/latest")[0].partition("/computeMetadata")[0] for url in asked][:2] == [found.METADATA] * 2
    assert len(asked) == 3


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "https://127.0.0.1:9", None])
def test_requests_without_tls_are_made_only_where_the_endpoint_says_so(
    endpoint: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    client: Any = clients.client("s3://bucket")
    assert client.client_options["allow_http"] == ("true" if endpoint == "http://127.0.0.1:9" else "false")
