"""Shards into ids, in several processes: tokens by language, and documents held out (model/data/encoded.py: the files).

**Held out** is 1 document in 100 by a hash of its text, so equal texts are on the same side. A language of 10 or
more documents has at least one, a smaller one has none. Documents without a piece (only controls, say) are left
out, and so are languages without a document.

**Order and determinism.** Documents stand in the order of the files. The bytes depend on the text and the
tokenizer only, not on the number of workers.
"""

import hashlib
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.data.encoded import (
    HELD_OUT,
    MANIFEST,
    EncodedLanguage,
    Finished,
    Manifest,
    TokenWriter,
    load_finished,
    load_manifest,
    token_writer,
    write_json,
)
from model.errors import UserError
from model.files import sha256_of
from model.terminal import Bar
from model.text.shards import Corpus, batches
from model.text.tokenizer import Tokenizer
from model.workers import Workers, default_workers

_HELD_OUT_ONE_IN = 100
_FEWEST = 10  # documents, for one to be held out
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Encoded documents of one language."""

    language: str
    tokens: npt.NDArray[np.uint32]  # of all documents in a row, each ended by </s>
    lengths: npt.NDArray[np.int64]  # of each document
    hashes: npt.NDArray[np.uint64]  # of each document's text


def encode_corpus(corpus: Corpus, vocab: Path, output: Path, *, workers: int | None = None) -> Manifest:
    """Encode all languages of a corpus into a folder, and return the manifest.

    Languages that an earlier run finished are kept, if their text and the tokenizer are the same.

    Raises:
        UserError: a damaged file, no text at all, or a folder that is complete with another tokenizer or text.
    """
    tokenizer = Tokenizer.load(vocab)
    output.mkdir(parents=True, exist_ok=True)
    with Workers(workers or default_workers(), _start, vocab) as pool:
        sources = dict(zip(corpus.files, pool.map(sha256_of, corpus.files.values()), strict=True))
        finished = _finished(output, sources, tokenizer.sha256)
        if (output / MANIFEST).is_file():
            return _complete(output, finished, sources)
        todo = {language: files for language, files in corpus.files.items() if language not in finished}
        if finished:
            _log.info("%d languages are encoded already, %d remain", len(finished), len(todo))
        with Bar("encode", sum(map(_size, todo.values()))) as bar:
            encoded = pool.map(_encode, _batches(todo, bar))
            for language, done in _write(encoded, todo, sources, output, bar):
                write_json(output / f"{language}.json", Finished(tokenizer_sha256=tokenizer.sha256, language=done))
                finished[language] = done
    languages = {language: finished[language] for language in corpus.files if finished[language].documents}
    if not languages:
        raise UserError("the shards hold no text: --data wants the output of build_cc100 with at least one document")
    manifest = Manifest(tokenizer_sha256=tokenizer.sha256, vocab_size=tokenizer.vocab_size, languages=languages)
    write_json(output / MANIFEST, manifest)
    return load_manifest(output)


def _finished(output: Path, sources: Mapping[str, str], tokenizer: str) -> dict[str, EncodedLanguage]:
    kept = {}
    for language, source in sources.items():
        found = load_finished(output, language)
        if found and found.tokenizer_sha256 != tokenizer:
            raise UserError(f"{output} is encoded with another tokenizer: choose another --output, or delete it")
        if found and found.language.source_sha256 == source:
            kept[language] = found.language
    return kept


def _complete(output: Path, finished: Mapping[str, EncodedLanguage], sources: Mapping[str, str]) -> Manifest:
    """Return the manifest that is there, if it is what would be made; runs may rest on it, so it never changes."""
    manifest = load_manifest(output)
    expected = {language: done for language, done in finished.items() if done.documents}
    if manifest.languages != expected or len(finished) != len(sources):
        raise UserError(f"{output} is complete, of other text: choose another --output, or delete it")
    return manifest


def changes(corpus: Corpus, output: Path, within: Collection[str] | None = None) -> list[str]:
    """Say what a corpus has that a folder of encoded text was not made of, and the reverse; by names and sizes.

    Args:
        corpus: the text as it is now.
        output: a folder that is complete.
        within: the languages that count; None: all.

    Returns:
        `new: sw`, `changed: en, de`, `gone: fr`; empty if all is the same.
    """
    made = dict(load_manifest(output).languages)
    for language in set(corpus.files) - set(made):  # of a language without a document only this is left
        if finished := load_finished(output, language):
            made[language] = finished.language
    sizes = {language: _size(files) for language, files in corpus.only(within).files.items()}
    made = {language: counts for language, counts in made.items() if within is None or language in within}
    found = {
        "new": set(sizes) - set(made),
        "changed": {name for name in set(sizes) & set(made) if made[name].source_bytes not in (None, sizes[name])},
        "gone": set(made) - set(sizes),
    }
    return [f"{kind}: {', '.join(sorted(names))}" for kind, names in found.items() if names]


def _size(files: Sequence[Path]) -> int:
    return sum(file.stat().st_size for file in files)


# In the workers. A tokenizer cannot be sent, so each loads its own.
_tokenizers: list[Tokenizer] = []


def _start(vocab: Path) -> None:
    _tokenizers[:] = [Tokenizer.load(vocab)]


def _encode(batch: tuple[str, Sequence[str]]) -> _Batch:
    language, texts = batch
    [tokenizer] = _tokenizers
    ids, lengths = tokenizer.encode_documents(texts)
    kept = lengths > 0
    tokens = np.insert(ids, np.cumsum(lengths)[kept], tokenizer.eos_id)
    digests = b"".join(hashlib.sha256(text.encode()).digest()[:8] for text in texts)
    return _Batch(language, tokens, lengths[kept] + 1, np.frombuffer(digests, "<u8")[kept])


# In the process that reads and writes.
def _batches(todo: Mapping[str, Sequence[Path]], bar: Bar) -> Iterator[tuple[str, list[str]]]:
    for language, files in todo.items():
        found = False
        for texts in batches(files, on_read=bar.advance):
            found = True
            yield language, texts
        if not found:  # the writer learns from it that the language is there
            yield language, [""]


def _write(
    encoded: Iterable[_Batch], todo: Mapping[str, Sequence[Path]], sources: Mapping[str, str], output: Path, bar: Bar
) -> Iterator[tuple[str, EncodedLanguage]]:
    """Write the batches, which come language by language, and yield each language when its files are whole."""
    stream = iter(encoded)
    batch = next(stream, None)
    for language in todo:
        with (
            token_writer(output / language) as train,
            token_writer(output / f"{language}{HELD_OUT}") as held_out,
        ):
            split = _Split(train, held_out)
            while batch is not None and batch.language == language:
                split.add(batch)
                bar.describe(f"{language}: {train.tokens + held_out.tokens:,} tokens")
                batch = next(stream, None)
            split.finish()
        yield (
            language,
            EncodedLanguage(
                tokens=train.tokens,
                documents=train.documents,
                held_out_tokens=held_out.tokens,
                held_out_documents=held_out.documents,
                sha256=train.sha256,
                held_out_sha256=held_out.sha256,
                source_sha256=sources[language],
                source_bytes=_size(todo[language]),
            ),
        )


class _Split:
    """Parts documents into those to train on and those held out.

    The first documents wait until the rule gives both kinds: a hundred on average. If it never does, `finish`
    chooses.
    """

    def __init__(self, train: TokenWriter, held_out: TokenWriter) -> None:
        self._train, self._held_out = train, held_out
        self._waiting: list[_Batch] | None = []

    def add(self, batch: _Batch) -> None:
        """Take the next documents of the language."""
        if self._waiting is None:
            return self._write(batch, batch.hashes % _HELD_OUT_ONE_IN == 0)
        self._waiting.append(batch)
        held = np.concatenate([waiting.hashes for waiting in self._waiting]) % _HELD_OUT_ONE_IN == 0
        if len(held) >= _FEWEST and held.any() and not held.all():
            self._release(held)
        return None

    def finish(self) -> None:
        """Write what still waits; to be called once, after the last document."""
        if not self._waiting:
            return
        hashes = np.concatenate([waiting.hashes for waiting in self._waiting])
        held = np.zeros(len(hashes), bool)
        if len(hashes) >= _FEWEST:
            held = hashes == hashes.min()
            if held.all():  # copies of one text
                held[1:] = False
        self._release(held)

    def _release(self, held: npt.NDArray[np.bool_]) -> None:
        assert self._waiting is not None
        for batch in self._waiting:
            self._write(batch, held[: len(batch.lengths)])
            held = held[len(batch.lengths) :]
        self._waiting = None

    def _write(self, batch: _Batch, held: npt.NDArray[np.bool_]) -> None:
        if not held.any():
            return self._train.write(batch.tokens, batch.lengths)
        of_tokens = np.repeat(held, batch.lengths)
        self._train.write(batch.tokens[~of_tokens], batch.lengths[~held])
        return self._held_out.write(batch.tokens[of_tokens], batch.lengths[held])
