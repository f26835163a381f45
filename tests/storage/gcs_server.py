"""Google Cloud Storage on this machine: its XML interface is that of S3 with headers of its own, so moto's S3 answers.

The generation of an object is made of its ETag: the same content has the same generation, which is enough here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tests.s3_server import S3Server

_NONE = 0
_SIGNED = "AWS4-HMAC-SHA256 Credential=owner/20250101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


class GcsServer(S3Server):
    """A running server; see `S3Server`."""

    def _application(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["HTTP_AUTHORIZATION"] = _SIGNED
        wanted = environ.pop("HTTP_X_GOOG_IF_GENERATION_MATCH", None)
        if wanted == str(_NONE):
            environ["HTTP_IF_NONE_MATCH"] = "*"
        elif wanted is not None:
            etag = self._etag_of(environ)
            environ["HTTP_IF_MATCH"] = etag if str(generation(etag)) == wanted else '"another"'
        return super()._application(environ, _with_generation(start_response))

    def _etag_of(self, environ: dict[str, Any]) -> str:
        found: dict[str, str] = {}

        def note(status: str, headers: list[tuple[str, str]], *_: object) -> None:
            found.update({name.lower(): value for name, value in headers})

        list(self._answer({**environ, "REQUEST_METHOD": "HEAD", "CONTENT_LENGTH": "0"}, note))
        return found.get("etag", "")


def generation(etag: str) -> int:
    """Return the generation of an object."""
    digits = etag.strip('"')[:12]
    return int(digits, 16) if digits else _NONE


def _with_generation(start_response: Any) -> Callable[..., Any]:
    def start(status: str, headers: list[tuple[str, str]], *rest: object) -> Any:
        etag = next((value for name, value in headers if name.lower() == "etag"), "")
        return start_response(status, [*headers, ("x-goog-generation", str(generation(etag)))], *rest)

    return start
