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
from model.data.order import Order
from model.errors import UserError
from model.files import write_whole
from model.sampling import shares
from model.text.shards import find_corpus
from model.text.tokenizer import MODEL_FILE, Tokenizer, write_tokenizer_files
from model.text.vocabulary import VocabConfig, build_vocabulary
from model.training.checkpoint import Identity
from model.training.processes import Place
from model.training.validation import HeldOut, prepare

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

    @property
    def encoded_folder(self) -> Path:
        return self.encoded or self.output / "encoded"


@dataclass(frozen=True, slots=True)
class Saved:
    """What `config.json` of a run directory holds."""

    preset: Preset
    folders: Mapping[str, str | None]  # as given when the run was begun

    @property
    def encoded(self) -> Path | None:
        """Where the encoded text is, None if in the run directory."""
        folder = self.folders["encoded"]
        return Path(folder) if folder else None


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
    """Make what is missing: vocabulary, encoded text, config.json.

    Raises:
        UserError: the run directory is of another configuration, or something cannot be made.
    """
    _check_saved(request)
    _make_vocabulary(request)
    if not (request.encoded_folder / MANIFEST).is_file():
        if request.data is None:
            raise UserError(f"no {request.encoded_folder / MANIFEST}: --data DIR says which shards to encode")
        _log.info("encoding %s into %s", request.data, request.encoded_folder)
        encode_corpus(find_corpus(request.data), request.output / "vocab", request.encoded_folder)
    _write_config(request, identify(request))


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


def open_data(request: Request, place: Place) -> tuple[Batches, dict[str, HeldOut], Manifest]:
    """Return the batches of a process, and what it validates on."""
    manifest, config = load_manifest(request.encoded_folder), request.train
    streams = blocks.open_tokens(
        request.encoded_folder, {name: counts.tokens for name, counts in manifest.languages.items()}
    )
    if not streams:
        raise UserError(f"{request.encoded_folder} has no text to train on; encode a corpus with more documents")
    sizes = {name: len(stream) for name, stream in streams.items()}
    counts = {name: blocks.count_blocks(size, config.seq_length) for name, size in sizes.items()}
    batches = Batches(
        order=Order(counts, shares(sizes, config.alpha), config.seed),
        streams=streams,
        seed=config.seed,
        seq_length=config.seq_length,
        batch_size=config.batch_size,
        micro_batch=config.micro_batch,
        mask_share=config.mask_share,
        vocab_size=manifest.vocab_size,
        rank=place.rank,
        world=place.world,
    )
    held_out = {name: language.held_out_tokens for name, language in manifest.languages.items()}
    files = blocks.open_tokens(request.encoded_folder, held_out, HELD_OUT)
    return batches, prepare(files, batches, config.validation_blocks), manifest


def _make_vocabulary(request: Request) -> None:
    folder = request.output / "vocab"
    if folder.is_dir():
        return
    aside = request.output / ".vocab"
    shutil.rmtree(aside, ignore_errors=True)
    if source := request.vocab or request.init:
        Tokenizer.load(source)  # UserError if it is none
        write_tokenizer_files(source / MODEL_FILE, aside)
    elif request.data is not None:
        pieces = request.model.vocab_size - IDS_WITHOUT_PIECE
        _log.info("making a vocabulary of %d pieces of %s", pieces, request.data)
        config = VocabConfig(vocab_size=pieces, alpha=request.train.alpha)
        build_vocabulary(find_corpus(request.data), aside, config, at_most=request.fewer_pieces)
    else:
        raise UserError(f"no {folder}: --data DIR says from which shards to make the vocabulary")
    aside.rename(folder)


def read_saved(run: Path) -> Saved | None:
    """Return what a run directory was begun with, None if it was not; UserError if its config.json is damaged."""
    path = run / _CONFIG
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_bytes())
        if values["version"] != VERSION:
            raise UserError(f"{path} has version {values['version']}, not {VERSION}; use the program that wrote it")
        preset = Preset(model=read_model(values["model"]), train=read_train(values["train"]))
        return Saved(preset, {name: values[name] for name in _FOLDERS})
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error!r}); give another --output") from error


def _check_saved(request: Request) -> None:
    """Raise UserError if the run directory holds a run that was begun with other settings; it names them."""
    saved = read_saved(request.output)
    if saved is None:
        return
    changed = differences(saved.preset.train, request.train) + differences(saved.preset.model, request.model)
    folders = [(name, saved.folders[name], wanted) for name, wanted in _folders(request).items()]
    # A folder need not be named again: what came of it is in the run directory.
    changed += [f"{name} is {old}, not {new}" for name, old, new in folders if new is not None and new != old]
    if changed:
        raise UserError(
            f"{request.output} was begun with other settings: {'; '.join(changed)}. "
            "Leave them out to go on, or give another --output"
        )


def _folders(request: Request) -> Mapping[str, str | None]:
    paths = {name: getattr(request, name) for name in _FOLDERS}
    return {name: str(path.resolve()) if path else None for name, path in paths.items()}


def _write_config(request: Request, identity: Identity) -> None:
    path = request.output / _CONFIG
    if path.is_file():
        return
    values: dict[str, Any] = {"version": VERSION, "model": asdict(identity.model), "train": asdict(identity.train)}
    values |= {"manifest_sha256": identity.manifest_sha256, **_folders(request)}
    with write_whole(path) as file:
        file.write(json.dumps(values, indent=2).encode() + b"\n")
