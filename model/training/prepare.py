"""What must be there before training begins: the run directory's vocabulary and encoded text.

    runs/x/vocab/          made by model.vocab, or copied from --vocab or --init
    runs/x/encoded/        made by model.encode, unless --encoded names another folder

What is there already is not made again.
"""

import logging
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from model import hub
from model.config import TrainConfig
from model.data import blocks
from model.data.encoded import HELD_OUT, MANIFEST, Manifest, load_manifest
from model.data.encoder import changes, encode_corpus
from model.data.loader import Batches
from model.data.masking import Masked
from model.data.order import Order
from model.errors import UserError
from model.ids import IDS_WITHOUT_PIECE
from model.sampling import shares
from model.text.shards import find_corpus
from model.text.tokenizer import MODEL_FILE, Tokenizer, write_tokenizer_files
from model.text.vocabulary import REPORT_FILE, VocabConfig, build_vocabulary, read_report
from model.training.checkpoint import Identity
from model.training.distributed import Distributed
from model.training.folder import CONFIG, Request, check_saved
from model.training.validation import prepare

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
    _make_vocabulary(request)
    if not encoded:
        if request.data is None:
            raise UserError(f"no {request.encoded_folder / MANIFEST}: --data DIR says which shards to encode")
        corpus, vocab = find_corpus(request.data), request.output / "vocab"
        _log.info("encoding %s into %s", request.data, request.encoded_folder)
        encode_corpus(corpus, vocab, request.encoded_folder, workers=request.workers)


def _compare_text(request: Request) -> None:
    """Say what --data has that the encoded text was not made of.

    A run that was begun keeps its text and does not need --data any more. One that begins would train on other text
    than it was given: UserError.
    """
    if request.data is None:
        return
    begun = (request.output / CONFIG).is_file()
    try:
        found = changes(find_corpus(request.data), request.encoded_folder)
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


def identify(request: Request) -> Identity:
    """Return what the run is, after `make`; UserError if vocabulary, text and model do not fit each other."""
    manifest = load_manifest(request.encoded_folder)
    vocab = request.output / "vocab"
    if Tokenizer.load(vocab).sha256 != manifest.tokenizer_sha256:
        raise UserError(
            f"{request.encoded_folder} was encoded with another tokenizer than {vocab / MODEL_FILE}; "
            "give the --vocab it was encoded with, or another --encoded"
        )
    if request.init and manifest.vocab_size != request.model.vocab_size:
        raise UserError(
            f"{request.init} has {request.model.vocab_size} ids by its config.json, {manifest.vocab_size} by its "
            f"{MODEL_FILE}; give a folder with both of one model, and another --output"
        )
    model = replace(request.model, vocab_size=manifest.vocab_size)
    return Identity(model=model, train=request.train, manifest_sha256=manifest.sha256)


def open_data(request: Request, ranks: Distributed) -> tuple[Batches, dict[str, Masked], Manifest]:
    """Return the batches of a process, and what it validates on."""
    manifest, config = load_manifest(request.encoded_folder), request.train
    streams = blocks.open_tokens(
        request.encoded_folder, {name: counts.tokens for name, counts in manifest.languages.items()}
    )
    if not streams:
        raise UserError(f"{request.encoded_folder} has no text to train on; encode a corpus with more documents")
    batches = make_batches(streams, config, manifest.vocab_size, ranks)
    held_out = {name: language.held_out_tokens for name, language in manifest.languages.items()}
    files = blocks.open_tokens(request.encoded_folder, held_out, HELD_OUT)
    return batches, prepare(files, batches, config.validation_blocks), manifest


def make_batches(
    streams: Mapping[str, blocks.Tokens], config: TrainConfig, vocab_size: int, ranks: Distributed
) -> Batches:
    """Return the batches of a process: the order of all samples over these streams, and its part of it."""
    sizes = {name: len(stream) for name, stream in streams.items()}
    counts = {name: blocks.count_blocks(size, config.seq_length) for name, size in sizes.items()}
    stages = {step * config.batch_size: shares(sizes, alpha) for step, alpha in config.alpha.items}
    return Batches(
        order=Order(counts, stages, config.seed),
        streams=streams,
        seed=config.seed,
        seq_length=config.seq_length,
        batch_size=config.batch_size,
        micro_batch=config.micro_batch,
        mask_share=config.mask_share,
        vocab_size=vocab_size,
        rank=ranks.rank,
        world=ranks.world,
    )


def _make_vocabulary(request: Request) -> None:
    folder = request.output / "vocab"
    pieces = request.model.vocab_size - IDS_WITHOUT_PIECE
    config = VocabConfig(vocab_size=pieces, alpha=request.train.alpha.at(0))
    if folder.is_dir():
        return _check_vocabulary(request, folder, config)
    aside = request.output / ".vocab"
    shutil.rmtree(aside, ignore_errors=True)
    source = request.vocab or (hub.folder_of(request.init) if request.init else None)
    if source is not None:
        Tokenizer.load(source)  # UserError if it is none
        write_tokenizer_files(source / MODEL_FILE, aside)
    elif request.data is not None:
        corpus = find_corpus(request.data)
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
