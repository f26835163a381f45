"""A document as it must stand in a file: the fields of `Document` and no other, each of its type."""

import dataclasses
from typing import Any, cast, get_type_hints

import msgspec

from ccnet_pipeline.documents import Document, Reject


def _strict(kind: type[Document]) -> type[Any]:
    """Return a type with the fields of a kind of document, which refuses any other; it is decoded faster, too."""
    types = get_type_hints(kind)
    fields: list[Any] = [
        (field.name, types[field.name], *([] if field.default is dataclasses.MISSING else [field.default]))
        for field in dataclasses.fields(kind)
    ]
    return msgspec.defstruct(kind.__name__, fields, forbid_unknown_fields=True, kw_only=True, gc=False)


_DOCUMENT, _REJECT = _strict(Document), _strict(Reject)


def line_type(*, is_reject: bool) -> type[Document]:
    """Return what a line of a shard, or of rejects, is decoded as: it has what a `Document` or `Reject` has."""
    return cast("type[Document]", _REJECT if is_reject else _DOCUMENT)
