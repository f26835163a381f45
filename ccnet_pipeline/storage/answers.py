"""What the errors of object stores mean. None of their words is passed on: a URL may hold a signature."""

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from ccnet_pipeline.errors import UnreachableError, UserError
from ccnet_pipeline.storage import credentials
from ccnet_pipeline.storage.paths import WEB_SCHEMES, scheme_of, shown

_STATUS = re.compile(r"Server returned (?:non-2xx status code|error response)?:? ?(?:with )?(\d{3})")
_STATUS_IN_DEBUG = re.compile(r"status: (\d{3}),")
_CODE = re.compile(r"<Code>\s*([A-Za-z0-9._-]{1,80})\s*</Code>")
_AZURE_CODE = re.compile(r'"code"\s*:\s*"([A-Za-z]{1,80})"')
_REGION = re.compile(r"<Region>([a-z0-9-]{1,40})</Region>|expecting '([a-z0-9-]{1,40})'")
_SIZE = re.compile(r"<ActualObjectSize>\s*([0-9]{1,18})\s*<|StartTooLarge \{[^}]*length: ([0-9]{1,18})")

_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "FilesystemNotFound")
_SKEWED = ("RequestTimeTooSkewed", "RequestExpired")
_WRONG_KEYS = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthenticationFailed", "InvalidAuthenticationInfo")
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired")
_WRONG_REGION = ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is known of an error."""

    status: int | None  # None: there was no answer
    code: str  # the vendor's word for it, or ""
    region: str  # where the bucket is, if the answer says so
    size: int | None  # of the object, if the answer says so
    is_timeout: bool
    text: str  # for tests of words; never shown

    @classmethod
    def of(cls, error: BaseException) -> "Refusal":
        text = str(error)
        status = _STATUS.search(text) or _STATUS_IN_DEBUG.search(text)
        code = _CODE.search(text) or _AZURE_CODE.search(text)
        region, size = _REGION.search(text), _SIZE.search(text)
        return cls(
            int(status[1]) if status else None,
            code[1] if code else "",
            (region[1] or region[2] or "") if region else "",
            int(size[1] or size[2]) if size else None,
            "TimedOut" in text or "kind: Timeout" in text,
            text,
        )

    @property
    def is_behind_the_end(self) -> bool:
        """Whether a range was asked for that begins where the object ends, or later."""
        return self.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or "StartTooLarge" in self.text

    @property
    def may_pass(self) -> bool:
        """Whether the same request may fare better later: the store is busy, or there is no answer."""
        if self.status is None:
            words = self.text.lower()
            return self.is_timeout or any(each in words for each in ("connect", "dns error", "body error"))
        is_busy = self.status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS) or self.status >= 500
        return is_busy and self.status != HTTPStatus.NOT_IMPLEMENTED

    @property
    def reason(self) -> str:
        """The status and the vendor's word, as far as they are known."""
        return " ".join(each for each in (str(self.status or ""), self.code) if each)


@contextlib.contextmanager
def explained(path: str) -> Iterator[None]:
    """Turn errors of the library about a file into those of ours.

    Raises:
        FileNotFoundError: there is no such file.
        UnreachableError: the store is busy or cannot be reached, after all attempts.
        UserError: everything else, with the remedy.
    """
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError as error:
        if (what := _what(path, error)) is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None
        raise UserError(f"{shown(path)}: {what}") from None
    except BaseError as error:
        refusal = Refusal.of(error)
        what = _what(path, error) or f"the store does not do that ({refusal.reason or type(error).__name__})"
        kind = UnreachableError if refusal.may_pass and "certificate" not in refusal.text.lower() else UserError
        raise kind(f"{shown(path)}: {what}") from None


def _what(path: str, error: Exception) -> str | None:
    """Say what the user can do; None where it is not known, or is an ordinary "not there"."""
    refusal = Refusal.of(error)
    bucket = path.partition("://")[2].partition("/")[0]
    if refusal.code in _NO_BUCKET or (refusal.status == 404 and "specified bucket does not exist" in refusal.text):
        return f"there is no bucket {bucket}; make it, or mend its name"
    if isinstance(error, FileNotFoundError):
        return None
    return _by_code(refusal, path) or _by_status(refusal, path)


def _by_code(refusal: Refusal, path: str) -> str | None:
    if refusal.code in _SKEWED:
        return f"the clock of this machine differs from the store's by too much ({refusal.code}); set it right"
    if refusal.code in _EXPIRED:
        return f"the credentials have expired ({refusal.code}); get new ones"
    if refusal.code in _WRONG_KEYS:
        return f"the credentials are not right ({refusal.code}); {_how_to_sign(path)}"
    if refusal.code in _WRONG_REGION or "redirect without LOCATION" in refusal.text:
        where = f" ({refusal.region})" if refusal.region else ""
        return f"the bucket is in another region{where}; set AWS_REGION to its region"
    return None


def _by_status(refusal: Refusal, path: str) -> str | None:
    status = refusal.status
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return not_allowed(path, refusal.reason)
    if status == HTTPStatus.PRECONDITION_FAILED:
        return "changed while it was read; run the same command again"
    if status is None:
        return _without_answer(refusal, path)
    if refusal.may_pass:
        return f"the store does not work at the moment ({refusal.reason}); run the same command again later"
    return None


def _without_answer(refusal: Refusal, path: str) -> str | None:
    words = refusal.text.lower()
    if "certificate" in words:
        return "the certificate of the store cannot be verified; set AWS_CA_BUNDLE to a file with its authority"
    if "connect" in words or "dns error" in words or refusal.is_timeout:
        return f"the store cannot be reached; see to the network{_endpoint(path)}"
    if "token" in words or "credential" in words:
        return f"no access token could be had; {_how_to_sign(path)}"
    if "body error" in words:
        return "what the store gives breaks off, or changed meanwhile; run the same command again"
    return None


def refuse_writing(path: str) -> None:
    """Raise the UserError that nothing can be written there, where that is known without asking."""
    if scheme_of(path) in WEB_SCHEMES:
        raise UserError(f"{shown(path)}: web servers are read only; write to s3://, gs://, az://, hdfs:// or a folder")
    if credentials.vendor_of(path) == "google" and not is_signed(path):
        raise UserError(f"{shown(path)}: no credentials were found: {_how_to_sign(path)}")


def not_allowed(path: str, reason: str) -> str:
    """Say that whoever asks may not, and what to do."""
    if is_signed(path):
        return f"these credentials may not do that ({reason}); give them the right, or choose another place"
    return f"refused ({reason}), and no credentials were found: {_how_to_sign(path)}"


def is_signed(path: str) -> bool:
    """Tell whether requests for a path are signed."""
    return credentials.found_for(path).is_signed


def _how_to_sign(path: str) -> str:
    return credentials.HOW_TO_SIGN.get(credentials.vendor_of(path), "")


def _endpoint(path: str) -> str:
    names = {
        "amazon": "AWS_ENDPOINT_URL and AWS_REGION",
        "google": "STORAGE_EMULATOR_HOST",
        "microsoft": "the name of the account",
    }
    name = names.get(credentials.vendor_of(path))
    return f", and to {name}" if name else ""
