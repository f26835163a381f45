"""What a run is, and what it trains and validates on, once model.training.text has made vocabulary and encoded text."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from model import mixture
from model.config import TrainConfig
from model.data import blocks
from model.data.encoded import HELD_OUT, Manifest, load_manifest
from model.data.loader import Batches
from model.data.masking import Masked
from model.data.order import Order
from model.errors import UserError
from model.text.tokenizer import MODEL_FILE, Tokenizer
from model.training.checkpoint import Identity
from model.training.distributed import Distributed
from model.training.folder import Request
from model.training.validation import prepare
from model.weights import check_weights, read_weights


@dataclass(frozen=True, slots=True)
class Data:
    """What a process trains and validates on."""

    batches: Batches
    held_out: Mapping[str, Masked]
    mixture: mixture.Mixture


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


def choose_languages(request: Request, manifest: Manifest) -> mixture.Chosen:
    """Return which languages of the encoded text are trained on; UserError if it lacks what the settings ask for."""
    tokens = {name: counts.tokens for name, counts in manifest.languages.items() if counts.tokens}
    if request.weights is not None:
        check_weights(read_weights(request.weights), tokens, where=str(request.encoded_folder))
    return mixture.choose(tokens, request.train, where=str(request.encoded_folder))


def open_data(request: Request, ranks: Distributed) -> Data:
    """Open the encoded text; UserError if it lacks what the settings ask for."""
    folder, config = request.encoded_folder, request.train
    manifest = load_manifest(folder)
    chosen = choose_languages(request, manifest)
    batches = make_batches(blocks.open_tokens(folder, chosen.tokens), config, manifest.vocab_size, ranks)
    held_out = {name: manifest.languages[name].held_out_tokens for name in chosen.tokens}
    files = blocks.open_tokens(folder, held_out, HELD_OUT)
    documents = {name: manifest.languages[name].documents for name in chosen.tokens}
    mixed = mixture.mixture_of(chosen, documents, config, stages_of(chosen.tokens, config))
    return Data(batches, prepare(files, batches, config.validation_blocks), mixed)


def stages_of(tokens: Mapping[str, int], config: TrainConfig) -> dict[int, dict[str, float]]:
    """Return the shares of the languages by the first sample that has them."""
    return {step * config.batch_size: mixture.shares_of(tokens, config, alpha) for step, alpha in config.alpha.items}


def make_batches(
    streams: Mapping[str, blocks.Tokens], config: TrainConfig, vocab_size: int, ranks: Distributed
) -> Batches:
    """Return the batches of a process: the order of all samples over these streams, and its part of it."""
    sizes = {name: len(stream) for name, stream in streams.items()}
    counts = {name: blocks.count_blocks(size, config.seq_length) for name, size in sizes.items()}
    return Batches(
        order=Order(counts, stages_of(sizes, config), config.seed),
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
