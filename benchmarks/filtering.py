"""What deduplication and the fluency filter are worth to a model: the same training on several corpora of one crawl.

    python benchmarks/filtering.py --input 'crawl/**/*.wet.gz' --corpora deduplicated filtered --languages en,sw \
        --vocab_text text --clean clean --lid_model lid.176.ftz --output out -- --size tiny --steps 2000

The first corpus, `raw`, is made here: every page of the crawl that is long enough, its paragraphs by language, as
recipe `cc100` has it, without deduplication and without a fluency filter. The others are outputs of build_cc100 on the
same crawl. All are encoded with one vocabulary, made of `--vocab_text`, and train the same network from the same first
weights with the same settings, so on as many tokens. Then each model is asked for the masked tokens of `--clean`, text
that was in none of them. Both are folders of <language>.txt.xz. The table has the loss in nats a masked token, by
language, the mean of languages, and its standard deviation over `--seeds`.

What stands after `--` goes to model.pretrain as it is. What is there already is not made again.
"""

from __future__ import annotations

import argparse
import glob
import json
import lzma
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ccnet_pipeline.extract import Extraction  # noqa: E402
from ccnet_pipeline.fetch import FetchPolicy, open_archive  # noqa: E402
from ccnet_pipeline.fluency import FluencyModels  # noqa: E402
from ccnet_pipeline.language import load, with_second  # noqa: E402
from ccnet_pipeline.mine import Miner  # noqa: E402
from ccnet_pipeline.pages.stored import read_chunks, write_chunks  # noqa: E402
from ccnet_pipeline.recipe import CC100  # noqa: E402
from ccnet_pipeline.survivors import num_judged  # noqa: E402
from model.data import blocks, masking  # noqa: E402
from model.data.encoded import load_manifest  # noqa: E402
from model.network.loss import Decoder  # noqa: E402
from model.network.xlmr import XlmR  # noqa: E402
from model.training.distributed import Distributed  # noqa: E402
from model.training.result import read_result  # noqa: E402
from model.training.trainer import MaskedLoss  # noqa: E402
from model.training.validation import evaluate  # noqa: E402

_RAW = "raw"
_MOST_BLOCKS = 512  # of a language, of clean text
_MASK_SHARE = 0.15
_MICRO_BATCH = 64

Losses = dict[str, float]  # of a language, nats


def write_raw(archives: Sequence[str], languages: str, lid_model: Path, folder: Path) -> None:
    """Write the pages of archives by language, as the release of CC-100 has them, with all that they repeat."""
    recipe = replace(CC100, languages=languages)
    models = load(with_second(lid_model, None, added_by_default=True))
    identifier = models.identifier(recipe.judgement)
    texts: dict[str, list[str]] = defaultdict(list)
    for path in archives:
        extraction, file = Extraction(path, recipe), BytesIO()
        with open_archive(path, FetchPolicy()) as archive:
            write_chunks(extraction.batches(archive), file)
        chunks = list(read_chunks(BytesIO(file.getvalue())))
        verdicts = np.zeros(sum(map(num_judged, chunks)), np.uint8)  # all are kept
        miner = Miner(path, extraction.dump, recipe, identifier, FluencyModels(None, "mended"))
        for document in miner.mine(chunks, verdicts):
            texts[document.language].append(document.text)
    folder.mkdir(parents=True)
    for language, documents in sorted(texts.items()):
        with lzma.open(folder / f"{language}.txt.xz", "wt", encoding="utf-8", preset=1) as text:
            text.write("".join(f"{document}\n\n" for document in documents))


def clean_losses(run: Path, clean: Path) -> Losses:
    """Return what a run's model loses on encoded text that is all held out."""
    result = read_result(run)
    model = XlmR(result.config)
    model.load_state_dict(dict(result.state))
    model.eval()
    sizes = {name: counts.tokens for name, counts in load_manifest(clean).languages.items()}
    masked = {}
    for language, stream in blocks.open_tokens(clean, sizes).items():
        ids_bs = blocks.held_out_blocks(stream, result.config.max_length, _MOST_BLOCKS)
        keys = ((language, row) for row in range(len(ids_bs)))
        masked[language] = masking.mask(ids_bs, keys, seed=0, share=_MASK_SHARE, vocab_size=result.config.vocab_size)
    ranks = Distributed(torch.device("cpu"))
    return evaluate(MaskedLoss(model, Decoder(), bf16=False), masked, micro_batch=_MICRO_BATCH, ranks=ranks)


def _command(module: str, *flags: str | Path) -> None:
    subprocess.run([sys.executable, "-m", f"model.{module}", *map(str, flags)], check=True, cwd=ROOT)


def _prepare(options: argparse.Namespace) -> dict[str, Path]:
    """Make what is missing before training; return the folders of encoded text by corpus."""
    output: Path = options.output
    if not (output / _RAW).is_dir():
        # Path.glob takes no absolute patterns.
        archives = sorted(path for pattern in options.input for path in glob.glob(pattern, recursive=True))  # noqa: PTH207
        write_raw(archives, options.languages, options.lid_model, output / _RAW)
    vocab = output / "vocab"
    if not vocab.is_dir():
        size = ("--vocab_size", options.vocab_size)
        _command("vocab", "--data", options.vocab_text, "--output", vocab, *size)
    texts = {_RAW: output / _RAW, **{folder.name: folder / "shards" for folder in options.corpora}}
    encoded = {name: output / "encoded" / name for name in texts}
    for name, folder in [*texts.items(), ("clean", options.clean)]:
        _command("encode", "--data", folder, "--vocab", vocab, "--output", output / "encoded" / name)
    return encoded


def _train(options: argparse.Namespace, encoded: dict[str, Path]) -> Iterator[tuple[str, int, Losses]]:
    clean = options.output / "encoded" / "clean"
    for seed in range(options.seeds):
        for name, folder in encoded.items():
            run = options.output / "runs" / f"{name}-{seed}"
            given = ("--vocab", options.output / "vocab", "--encoded", folder) if not run.is_dir() else ()
            _command("pretrain", "--output", run, *given, "--seed", str(seed), *options.settings)
            yield name, seed, clean_losses(run, clean)


def table(losses: dict[str, list[Losses]], encoded: dict[str, Path]) -> str:
    """Return a Markdown table: a row a corpus."""
    languages = sorted(next(iter(losses.values()))[0])
    lines = [f"| corpus | tokens | {' | '.join(languages)} | mean |", "|---" * (len(languages) + 3) + "|"]
    for name, of_seeds in losses.items():
        tokens = sum(counts.tokens for counts in load_manifest(encoded[name]).languages.values())
        means = [statistics.mean(each.values()) for each in of_seeds]
        cells = [f"{statistics.mean(each[language] for each in of_seeds):.3f}" for language in languages]
        spread = f" ± {statistics.stdev(means):.3f}" if len(means) > 1 else ""
        lines.append(f"| {name} | {tokens:,} | {' | '.join(cells)} | {statistics.mean(means):.3f}{spread} |")
    return "\n".join(lines)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--input", nargs="+", required=True, help="patterns of the crawl's archives")
    add("--corpora", nargs="+", type=Path, required=True, metavar="OUT", help="outputs of build_cc100 on that crawl")
    add("--languages", required=True, help="codes, separated by commas, as the corpora were built with")
    add("--lid_model", type=Path, required=True, metavar="FILE")
    add("--vocab_text", type=Path, required=True, metavar="DIR")
    add("--vocab_size", default="8000", metavar="N")
    add("--clean", type=Path, required=True, metavar="DIR")
    add("--output", type=Path, required=True, metavar="DIR")
    add("--seeds", type=int, default=1, metavar="N")
    add("settings", nargs="*", help="of model.pretrain, after --")
    options = parser.parse_args()
    encoded = _prepare(options)
    losses: dict[str, list[Losses]] = {name: [] for name in encoded}
    for name, _, found in _train(options, encoded):
        losses[name].append(found)
        (options.output / "losses.json").write_text(json.dumps(losses, indent=1) + "\n")
        print(table({name: each for name, each in losses.items() if each}, encoded), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
