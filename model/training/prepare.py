"""What must be there before training begins: the run directory's vocabulary, encoded text and configuration.

    runs/x/config.json     the resolved configuration; a run keeps it to its end
    runs/x/vocab/          made by model.vocab, or copied from --vocab or --init
    runs/x/encoded/        made by model.encode, unless --encoded names another folder

What is there already is not made again.
"""

import contextlib
import fcntl
import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from model.config import (
    IDS_WITHOUT_PIECE,
    ModelConfig,
    Preset,
    TrainConfig,
    differences,
    read_model,
    read_train,
)
from model.data import blocks
from model.data.encoded import HELD_OUT, MANIFEST, Manifest, load_manifest
from model.data.encoder import encode_corpus
from model.data.loader import Batches
from model.data.masking import Masked
from model.data.order import Order
from model.errors import UserError
from model.files import write_whole
from model.sampling import shares
from model.text.shards import find_corpus
from model.text.tokenizer import MODEL_FILE, Tokenizer, write_tokenizer_files
from model.text.vocabulary import REPORT_FILE, VocabConfig, build_vocabulary, read_report
from model.training.checkpoint import Identity
from model.training.processes import Place
from model.training.validation import prepare

VERSION = 1
_CONFIG = "config.json"
_FOLDERS = ("data", "encoded", "init")  # of a request, in config.json
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a user asks for. Folders are None where the run directory has its own."""

    output: Path  # the run directory
    data: Path | None
    vocab: Path | None
    encoded: Path | None
    init: Path | None  # a Hugging Face folder of an XLM-R to start from
    model: ModelConfig  # its vocab_size is what a new vocabulary is made with
    train: TrainConfig
    fewer_pieces: bool = False  # a vocabulary may be smaller where the text does not give more
    workers: int | None = None  # processes that make the vocabulary and encode; by default the processors

    @property
    def encoded_folder(self) -> Path:
        return self.encoded or self.output / "encoded"


@dataclass(frozen=True, slots=True)
class Saved:
    """What `config.json` of a run directory holds."""

    preset: Preset
    folders: Mapping[str, Path | None]  # data, encoded and init, as given when the run was begun


@contextlib.contextmanager
def locked(run: Path) -> Iterator[None]:
    """Hold a run directory, which is made if it is missing; UserError if another program works in it."""
    try:
        run.mkdir(parents=True, exist_ok=True)
        lock = (run / ".lock").open("w")
    except OSError as error:
        raise UserError(f"--output {run} cannot be written ({error}); give another folder") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(f"another program trains in {run}; wait for it, or give another --output") from error
        yield


def make(request: Request) -> None:
    """Make what is missing: vocabulary and encoded text.

    Raises:
        UserError: the run directory is of another configuration, or something cannot be made.
    """
    _check_saved(request)
    _make_vocabulary(request)
    if not (request.encoded_folder / MANIFEST).is_file():
        if request.data is None:
            raise UserError(f"no {request.encoded_folder / MANIFEST}: --data DIR says which shards to encode")
        corpus, vocab = find_corpus(request.data), request.output / "vocab"
        _log.info("encoding %s into %s", request.data, request.encoded_folder)
        encode_corpus(corpus, vocab, request.encoded_folder, workers=request.workers)


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
            f"{request.init} has {request.model.vocab_size} ids, the vocabulary {manifest.vocab_size}; "
            "leave out --vocab, and give an --output of its own"
        )
    model = replace(request.model, vocab_size=manifest.vocab_size)
    return Identity(model=model, train=request.train, manifest_sha256=manifest.sha256)


def open_data(request: Request, place: Place) -> tuple[Batches, dict[str, Masked], Manifest]:
    """Return the batches of a process, and what it validates on."""
    manifest, config = load_manifest(request.encoded_folder), request.train
    streams = blocks.open_tokens(
        request.encoded_folder, {name: counts.tokens for name, counts in manifest.languages.items()}
    )
    if not streams:
        raise UserError(f"{request.encoded_folder} has no text to train on; encode a corpus with more documents")
    batches = make_batches(streams, config, manifest.vocab_size, place)
    held_out = {name: language.held_out_tokens for name, language in manifest.languages.items()}
    files = blocks.open_tokens(request.encoded_folder, held_out, HELD_OUT)
    return batches, prepare(files, batches, config.validation_blocks), manifest


def make_batches(streams: Mapping[str, blocks.Tokens], config: TrainConfig, vocab_size: int, place: Place) -> Batches:
    """Return the batches of a process: the order of all samples over these streams, and its part of it."""
    sizes = {name: len(stream) for name, stream in streams.items()}
    counts = {name: blocks.count_blocks(size, config.seq_length) for name, size in sizes.items()}
    return Batches(
        order=Order(counts, shares(sizes, config.alpha), config.seed),
        streams=streams,
        seed=config.seed,
        seq_length=config.seq_length,
        batch_size=config.batch_size,
        micro_batch=config.micro_batch,
        mask_share=config.mask_share,
        vocab_size=vocab_size,
        rank=place.rank,
        world=place.world,
    )


def _make_vocabulary(request: Request) -> None:
    folder, source = request.output / "vocab", request.vocab or request.init
    pieces = request.model.vocab_size - IDS_WITHOUT_PIECE
    config = VocabConfig(vocab_size=pieces, alpha=request.train.alpha)
    if folder.is_dir():
        return _check_vocabulary(request, folder, config)
    aside = request.output / ".vocab"
    shutil.rmtree(aside, ignore_errors=True)
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
    begun = (request.output / _CONFIG).is_file()
    source = request.vocab or (None if begun else request.init)
    if source is not None:
        same = Tokenizer.load(source).sha256 == Tokenizer.load(folder).sha256
    else:
        same = begun or not (folder / REPORT_FILE).is_file() or read_report(folder).config == config
    if not same:
        raise UserError(f"{folder} is not the vocabulary that is asked for; give another --output, or delete it")


def read_saved(run: Path) -> Saved | None:
    """Return what a run directory was begun with, None if it was not; UserError if its config.json is damaged."""
    path = run / _CONFIG
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_bytes())
        if values["version"] != VERSION:
            raise UserError(f"version {values['version']} is not {VERSION}; use the program that wrote it")
        preset = Preset(model=read_model(values["model"]), train=read_train(values["train"]))
        folders = {name: Path(values[name]) if values[name] else None for name in _FOLDERS}
        return Saved(preset, folders)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} is damaged ({error!r}); delete it and give the flags that the run was begun with, "
            "or another --output"
        ) from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _check_saved(request: Request) -> None:
    """Raise UserError if the run directory holds a run that was begun with other settings; it names them."""
    saved = read_saved(request.output)
    if saved is None:
        return
    changed = differences(saved.preset.train, request.train) + differences(saved.preset.model, request.model)
    for name in _FOLDERS:
        old, new = saved.folders[name], getattr(request, name)
        changed += [f"{name} is {old}, not {new.resolve()}"] if new and new.resolve() != old else []
    if changed:
        raise UserError(
            f"{request.output} was begun with other settings: {'; '.join(changed)}. "
            "Leave them out to go on, or give another --output"
        )


def write_config(request: Request, identity: Identity) -> None:
    """Write what the run is, once it is sure to work; when it goes on only what is in config.FREE can be new."""
    values: dict[str, Any] = {"version": VERSION, "model": asdict(identity.model), "train": asdict(identity.train)}
    values |= {"manifest_sha256": identity.manifest_sha256}
    for name in _FOLDERS:
        path = getattr(request, name)
        values[name] = str(path.resolve()) if path else None
    with write_whole(request.output / _CONFIG) as file:
        file.write(json.dumps(values, indent=2).encode() + b"\n")
