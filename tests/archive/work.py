"""Work counted instead of timed: the same figures on every machine, busy or not."""

from __future__ import annotations

import pkgutil
import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType, SimpleNamespace, TracebackType
from typing import Any

import pytest

from ccnet_pipeline.archive import warc
from ccnet_pipeline.archive.window import Window


class _Counting:
    """Passes everything on, and counts the bytes that one method is given or goes through."""

    def __init__(self, inner: Any, count: Callable[..., None], name: str) -> None:
        self._inner = inner
        self._count = count
        self._name = name

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name != self._name:
            return found

        def counted(*args: Any) -> Any:
            result = found(*args)
            self._count(result, *args)
            return result

        return counted


class Work:
    """Counts while it is entered.

    calls     of functions, those in C too
    fed       bytes given to unpackers
    given     bytes that they gave
    searched  bytes gone through for magic numbers, for the end of a head, for a later record
    joined    bytes copied where the window moves on
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.counts: Counter[str] = Counter()
        self._patch = monkeypatch
        self._unpackers()
        self._searches()

    def __enter__(self) -> Counter[str]:
        self.counts.clear()
        sys.setprofile(self._profile)
        return self.counts

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.setprofile(None)

    def _profile(self, frame: FrameType, event: str, arg: object) -> None:
        if event in ("call", "c_call"):
            self.counts["calls"] += 1

    def _unpackers(self) -> None:
        def fed(text: bytes, data: bytes, *_: object) -> None:
            self.counts["fed"] += len(data)
            self.counts["given"] += len(text)

        def counting(make: Callable[..., Any]) -> Callable[..., Any]:
            return lambda *args, **options: _Counting(make(*args, **options), fed, "decompress")

        package = "ccnet_pipeline.archive"
        for name in ("gzip_members.zlib.decompressobj", "gzip_members.isal_zlib.decompressobj"):
            self._replace(f"{package}.{name}", counting)
        for name in ("bzip2_blocks.BZ2Decompressor", "xz_streams.LZMADecompressor"):
            self._replace(f"{package}.{name}", counting)

        def zstd(made: Callable[..., Any]) -> Callable[..., Any]:
            return lambda **options: SimpleNamespace(decompressobj=counting(made(**options).decompressobj))

        self._replace(f"{package}.zstd_frames.ZstdDecompressor", zstd)

    def _replace(self, name: str, change: Callable[[Any], Any]) -> None:
        self._patch.setattr(name, change(pkgutil.resolve_name(name)))

    def _searches(self) -> None:
        find, read = Window.find, Window._read

        def counted_find(window: Window, pattern: bytes, at: int, end: int | None = None) -> int:
            found = find(window, pattern, at, end)
            self.counts["searched"] += (found if found >= 0 else window.end if end is None else end) - at
            return found

        def counted_read(window: Window, until: int, keep: int) -> None:
            read(window, until, keep)
            self.counts["joined"] += window.end - window.base

        self._patch.setattr(Window, "find", counted_find)
        self._patch.setattr(Window, "_read", counted_read)

        def searched(match: Any, text: bytes, at: int, end: int = sys.maxsize) -> None:
            self.counts["searched"] += (match.end() if match else min(end, len(text))) - at

        for name in ("_HEAD_END", "_LINE_IN_TEXT", "_LINE_BEHIND_TEXT"):
            self._patch.setattr(warc, name, _Counting(getattr(warc, name), searched, "search"))


def assert_linear(work: Work, make: Callable[[int], Callable[[], object]], n: int) -> None:
    """Four times as much takes four times the work, of each kind; a quadratic cost would be sixteen times.

    Args:
        work: what counts.
        make: gives, for a size, what is to be done.
        n: the smaller size.
    """
    counted = []
    for size in (n, 4 * n):
        do = make(size)
        with work as counts:
            do()
        counted.append(dict(counts))
    less, more = counted
    # What is read at once does not grow: 256 KiB.
    grown = {kind: count for kind, count in more.items() if count > 5.5 * less.get(kind, 0) + (256 << 10)}
    assert grown == {}, (less, more)
