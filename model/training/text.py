"""The run directory's text: its vocabulary and what is encoded with it. What is there already is not made again.

    runs/x/vocab/          made by model.vocab, or copied from --vocab or --init
    runs/x/encoded/        made by model.encode, unless --encoded names another folder

Both are made of the languages that the run may train on.
"""

import logging
import shutil
from pathlib import Path

from model import hub
from model.data.encoded import MANIFEST, load_manifest
from model.data.encoder import changes, encode_corpus
from model.errors import UserError
from model.ids import IDS_WITHOUT_PIECE
from model.languages import select
from model.mixture import wanted_languages
from model.text.shards import Corpus, find_corpus
from model.text.tokenizer import MODEL_FILE, Tokenizer, write_tokenizer_files
from model.text.vocabulary import REPORT_FILE, VocabConfig, build_vocabulary, read_report
from model.training.folder import CONFIG, Request, check_saved
from model.training.prepare import choose_languages
from model.weights import check_weights, read_weights

_log = logging.getLogger(__name__)


def make(request: Request) -> None:
    """Make what is missing: vocabulary and encoded text.

    Raises:
        UserError: the run directory is of another configuration, or something cannot be made.
    """
    check_saved(request)
    encoded = (request.encoded_folder / MANIFEST).is_file()
    if encoded:
        _compare_text(request)
        choose_languages(request, load_manifest(request.encoded_folder))
        return _make_vocabulary(request)
    _make_vocabulary(request)
    if request.data is None:
        raise UserError(f"no {request.encoded_folder / MANIFEST}: --data DIR says which shards to encode")
    corpus, vocab = _corpus(request, request.data), request.output / "vocab"
    _log.info("encoding %s into %s", request.data, request.encoded_folder)
    manifest = encode_corpus(corpus, vocab, request.encoded_folder, workers=request.workers)
    choose_languages(request, manifest)
    return None


def _compare_text(request: Request) -> None:
    """Say what --data has that the encoded text was not made of.

    A run that was begun keeps its text and does not need --data any more. One that begins would train on other text
    than it was given: UserError.
    """
    if request.data is None:
        return
    begun = (request.output / CONFIG).is_file()
    try:
        found = changes(find_corpus(request.data), request.encoded_folder, wanted_languages(request.train))
    except (UserError, OSError):
        if begun:
            return
        raise
    if not found:
        return
    said = f"{request.encoded_folder} was encoded before {request.data} changed ({'; '.join(found)})"
    if not begun:
        raise UserError(f"{said}: give another --encoded, or leave out --data")
    _log.info("%s; this run goes on with what it has: a new --output and --encoded take up the change", said)


def _corpus(request: Request, data: Path) -> Corpus:
    """Return the text that a run may train on; UserError if --languages or --weights name what is not there."""
    corpus = find_corpus(data)
    if request.weights is not None:
        check_weights(read_weights(request.weights), corpus.files, where=str(data))
    select(corpus.files, request.train.languages, where=str(data))
    return corpus.only(wanted_languages(request.train))


def _make_vocabulary(request: Request) -> None:
    folder = request.output / "vocab"
    pieces = request.model.vocab_size - IDS_WITHOUT_PIECE
    train = request.train
    languages = train.languages or tuple(dict(train.weights))
    config = VocabConfig(vocab_size=pieces, alpha=train.alpha.at(0), languages=languages)
    if folder.is_dir():
        return _check_vocabulary(request, folder, config)
    aside = request.output / ".vocab"
    shutil.rmtree(aside, ignore_errors=True)
    source = request.vocab or (hub.folder_of(request.init) if request.init else None)
    if source is not None:
        Tokenizer.load(source)  # UserError if it is none
        write_tokenizer_files(source / MODEL_FILE, aside)
    elif request.data is not None:
        corpus = _corpus(request, request.data)
        _log.info("making a vocabulary of %d pieces of %s", pieces, request.data)
        build_vocabulary(corpus, aside, config, at_most=request.fewer_pieces, workers=request.workers)
    else:
        raise UserError(f"no {folder}: --data DIR says from which shards to make the vocabulary")
    aside.rename(folder)
    return None


def _check_vocabulary(request: Request, folder: Path, config: VocabConfig) -> None:
    """Raise UserError if what a run has is not what is asked for; it may be left from a run that was stopped early."""
    begun = (request.output / CONFIG).is_file()
    source = request.vocab or (hub.folder_of(request.init) if request.init and not begun else None)
    if source is not None:
        same = Tokenizer.load(source).sha256 == Tokenizer.load(folder).sha256
    else:
        same = begun or not (folder / REPORT_FILE).is_file() or read_report(folder).config == config
    if not same:
        raise UserError(f"{folder} is not the vocabulary that is asked for; give another --output, or delete it")
