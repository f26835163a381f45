"""A document as a row of a table: the columns and their types, as Parquet and Hugging Face `datasets` call them.

They follow from the fields of `Document`. Which of the optional ones there are follows from the configuration of a run,
never from a document: so all files of a run have the same columns.
"""

import dataclasses
from collections.abc import Collection, Mapping
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeAlias, get_args, get_type_hints

from msgspec import UNSET, UnsetType

from ccnet_pipeline.documents import Document, LanguageLabel

if TYPE_CHECKING:
    import pyarrow as pa

# The name of a type, the one type of the items of a list, or the types of the fields of a struct.
ColumnType: TypeAlias = str | list["ColumnType"] | dict[str, "ColumnType"]

# The setting of `recipe.Configuration` -> the columns that it adds.
OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "count_copies": ("n_copies",),
    "keep_labels": ("languages", "language_model"),
}

_SIMPLE: Mapping[Any, ColumnType] = {
    str: "string",
    int: "int64",
    float: "float64",
    list[int]: ["int32"],  # places in a page
    list[LanguageLabel]: [{"model": "string", "label": "string", "score": "float64"}],
}


def optional_columns(configuration: Any) -> tuple[str, ...]:
    """Return the optional columns that a run has, by its configuration, of whatever class."""
    return tuple(
        name for setting, names in OPTIONAL.items() if getattr(configuration, setting, False) for name in names
    )


def column_types(optional: Collection[str]) -> dict[str, ColumnType]:
    """Return the type of each column, in the order of the columns."""
    hints = get_type_hints(Document)
    return {
        field.name: _type_of(hints[field.name])
        for field in dataclasses.fields(Document)
        if field.default is not UNSET or field.name in optional
    }


def _type_of(hint: Any) -> ColumnType:
    """Return the type of a column; all columns may have nulls."""
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    [kind] = (each for each in get_args(hint) if each not in (NoneType, UnsetType))
    return _SIMPLE[kind]


def arrow_schema(types: Mapping[str, ColumnType]) -> "pa.Schema":
    """Return columns as Arrow has them, with what `datasets` reads of the types from a Parquet file."""
    import json

    import pyarrow as pa

    features = {name: _serialised(kind) for name, kind in types.items()}
    metadata: dict[bytes | str, bytes | str] = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema([(name, _arrow_type(kind)) for name, kind in types.items()], metadata)


def _arrow_type(kind: ColumnType) -> "pa.DataType":
    import pyarrow as pa

    if isinstance(kind, list):
        return pa.list_(_arrow_type(kind[0]))
    if isinstance(kind, dict):
        return pa.struct([(name, _arrow_type(inner)) for name, inner in kind.items()])
    simple: pa.DataType = getattr(pa, kind)()
    return simple


def _serialised(kind: ColumnType) -> Any:
    """Return a type as `datasets` keeps it in files, in the form that its releases before 4 know, too."""
    if isinstance(kind, list):
        return [_serialised(kind[0])]
    if isinstance(kind, dict):
        return {name: _serialised(inner) for name, inner in kind.items()}
    return {"dtype": kind, "_type": "Value"}


def features(types: Mapping[str, ColumnType]) -> list[dict[str, Any]]:
    """Return columns as the front matter of a dataset card has them (`dataset_info`)."""
    return [{"name": name, **_feature(kind)} for name, kind in types.items()]


def _feature(kind: ColumnType) -> dict[str, Any]:
    if isinstance(kind, list):
        (of_items,) = _feature(kind[0]).values()
        return {"list": of_items}
    return {"struct": features(kind)} if isinstance(kind, dict) else {"dtype": kind}
