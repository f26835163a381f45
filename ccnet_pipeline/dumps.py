"""Dumps named by their place in time: the newest ones, or the oldest that is not built yet.

CommonCrawl lists its dumps in collinfo.json, a JSON array of one object a dump, with its name in `id`. A mirror, a
bucket or a folder is expected to hold the file beside crawl-data/. CommonCrawl itself has it on its index server only,
and not where its archives are.

Names begin with the year and then the week (CC-MAIN-2026-04), so their order is that of time.
"""

import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec

from ccnet_pipeline.errors import FetchError, UserError
from ccnet_pipeline.fetch import FetchPolicy, is_remote, local_path, read_small, shown
from ccnet_pipeline.listings import COMMONCRAWL, join

COLLECTIONS = "collinfo.json"
DUMP_NAME = "{dump}"  # in the name of a run directory
_INDEX_SERVER = "https://index.commoncrawl.org/"
_OF_COMMONCRAWL = re.compile(
    r"(https?://(data\.commoncrawl\.org|commoncrawl\.s3(\.us-east-1)?\.amazonaws\.com)|s3://commoncrawl)/*",
    re.IGNORECASE,
)
_MAX_COLLECTIONS_BYTES = 16 << 20  # CommonCrawl's has 120 dumps in 30 kB
_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest dumps."""

    count: int = 1

    def __str__(self) -> str:
        return "latest" if self.count == 1 else f"latest:{self.count}"

    def of(self, dumps: Sequence[str], place: str) -> tuple[str, ...]:
        """Return the dumps that are meant, of all in order; `place` says in messages where they are listed.

        Raises:
            UserError: there are not so many.
        """
        if self.count > len(dumps):
            raise UserError(f"--dump {self}: {shown(place)} has only {len(dumps)}")
        return tuple(dumps[-self.count :])


@dataclass(frozen=True, slots=True)
class New:
    """The oldest dump that is not built yet."""

    first: str = ""  # none that is older than this one

    def __str__(self) -> str:
        return f"new:{self.first}" if self.first else "new"

    def check(self, dumps: Sequence[str], place: str) -> None:
        """See that the first one is named as dumps are here, up to the year: else none would ever come behind it.

        Raises:
            UserError: it is not.
        """
        if self.first and _before_year(self.first) not in map(_before_year, dumps):
            raise UserError(
                f"--dump {self}: {shown(place)} has no dump with a name like that; its newest is {dumps[-1]}"
            )

    def of(self, dumps: Sequence[str], is_done: Callable[[str], bool]) -> tuple[str, ...]:
        """Return the dump that is meant, of all in order; none, if all are done. None behind it is asked for."""
        wanted = (dump for dump in dumps if dump >= self.first and not is_done(dump))
        return tuple(itertools.islice(wanted, 1))


Choice = Latest | New


def _before_year(name: str) -> str:
    return re.split(r"\d", name, maxsplit=1, flags=re.ASCII)[0]


def is_name(text: str) -> bool:
    """Tell whether a text can be the name of a dump: a path of plain names."""
    return _NAME.fullmatch(text) is not None


def choice_of(text: str) -> Choice | None:
    """Return the choice that a value of --dump stands for; None: it is the name of a dump, or nothing at all.

    Raises:
        UserError: it begins as a choice does.

    >>> choice_of("latest:2"), choice_of("new"), choice_of("CC-MAIN-2018-51")
    (Latest(count=2), New(first=''), None)
    """
    word, colon, rest = text.partition(":")
    if word not in ("latest", "new"):
        return None
    if word == "new" and bool(colon) == is_name(rest):
        return New(rest)
    if word == "latest" and not colon:
        return Latest()
    if word == "latest" and re.fullmatch(r"[1-9]\d{0,5}", rest, re.ASCII):
        return Latest(int(rest))
    raise UserError(f"--dump {text!r}: want latest, latest:N with N >= 1, new, or new:NAME with the dump to begin at")


def named(output: str, dumps: Sequence[str]) -> str:
    """Return the name of a run directory, with that of its only dump for `{dump}`.

    Raises:
        UserError: there is not one dump.
    """
    if DUMP_NAME not in output:
        return output
    if len(dumps) != 1:
        raise UserError(f"--output {output}: {DUMP_NAME} is the name of one dump, and here are {len(dumps) or 'none'}")
    return output.replace(DUMP_NAME, dumps[0])


def collections_of(base: str | None) -> str:
    """Return where the dumps of a place are listed; `base` as in `segments.Selection`."""
    base = base or COMMONCRAWL
    if not is_remote(base):
        base = local_path(base)
    return join(_INDEX_SERVER if _OF_COMMONCRAWL.fullmatch(base) else base, COLLECTIONS)


def read_dumps(place: str, policy: FetchPolicy) -> list[str]:
    """Return the names of all dumps that a collinfo.json lists, the oldest first.

    It is never taken from a cache, for it changes with every dump.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    remedy = "check --base, or give --dump the name of a dump"
    try:
        data = read_small(place, replace(policy, cache=None), max_bytes=_MAX_COLLECTIONS_BYTES)
        names = {each.id for each in msgspec.json.decode(data, type=list[_Collection])}
    except FetchError as error:
        raise UserError(f"{error}; that is where the dumps should be listed; {remedy}") from error
    except FileNotFoundError as error:
        raise UserError(f"there is no {shown(place)}, where the dumps should be listed; {remedy}") from error
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{shown(place)} is no list of dumps that can be read: {error}; {remedy}") from error
    strange = sorted(name for name in names if not is_name(name))
    if strange or not names:
        why = f"{strange[0]!a} is not the name of a dump" if strange else "it is empty"
        raise UserError(f"{shown(place)} is no list of dumps: {why}; {remedy}")
    return sorted(names)


@dataclass(frozen=True, slots=True)
class _Collection:
    """What is read of one dump in collinfo.json."""

    id: str
