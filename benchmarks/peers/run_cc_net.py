"""cc_net 1.0.0 on local WET files, in one process: its own classes, joined as its `mine` joins them.

Runs in an environment that has cc_net (benchmarks/README.md, Peers). The last line printed is JSON: what was read and
what came out. The documents lie in OUTPUT/{language}_{bucket}.json.gz.

    python benchmarks/peers/run_cc_net.py --input *.warc.wet.gz --lid_model lid.176.ftz --lm_dir models --output DIR

What differs from its command, all in its favour: one process and so no pickling, no wait of 20 s, no copying of shards
at the end (`regroup`), files from the disk. All files are one shard, so duplicates are found over all of them.
"""

import argparse
import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from builds import sha256_of_module, versions
from cc_net import dedup, jsonql, perplexity, process_wet_file, split_by_lang

_MIN_LENGTH = 300
_THRESHOLD = 0.5
_TEXT, _PIECES = "raw_content", "tokenized"


class _Counting:
    """Counts what passes."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def __call__(self, documents: Iterable[Any]) -> Iterator[Any]:
        for document in documents:
            if document:
                self.counts["documents"] += 1
                lines = [line for line in document[_TEXT].split("\n") if line]
                self.counts["paragraphs"] += len(lines)
                self.counts["characters"] += sum(map(len, lines))
            yield document


def run(files: list[Path], lid_model: Path, lm_dir: Path, output: Path) -> Counter[str]:
    """Write the documents of all files; return what came out."""
    reader = process_wet_file.CCSegmentsReader(
        _linked(files, output / "wet"), min_len=_MIN_LENGTH, cache_dir=output / "wet"
    )
    hashes = output / "hashes.bin"
    jsonql.run_pipes(dedup.HashesCollector(field=_TEXT, output=hashes), inputs=reader)
    pieces = {path.name.partition(".")[0]: path for path in lm_dir.glob("*.sp.model")}
    ngrams = {path.name.partition(".")[0]: path for path in lm_dir.glob("*.arpa.bin")}
    counting = _Counting()
    jsonql.run_pipes(
        dedup.DuplicatesRemover(field=_TEXT, hashes_files=[hashes]),
        split_by_lang.Classifier(model=lid_model, field=_TEXT, out_field="language", top=1, threshold=_THRESHOLD),
        perplexity.MultiSentencePiece(pieces, field=_TEXT, output_field=_PIECES, normalize=True),
        perplexity.DocLM(ngrams, field=_PIECES, output_field="perplexity", normalize=False),
        perplexity.PerplexityBucket(_cutoffs(lm_dir / "cutoffs.csv", output / "cutoff.csv")),
        perplexity.DropKeys(_PIECES),
        counting,
        jsonql.split(pattern=str(output / "{language}_{bucket}.json.gz"), mkdir=True),
        inputs=reader,
    )
    return counting.counts


def _linked(files: list[Path], cache: Path) -> list[str]:
    """Put the files where cc_net looks for what it has fetched; return their names there."""
    cache.mkdir(parents=True, exist_ok=True)
    names = []
    for number, file in enumerate(files):
        names.append(f"{number:06d}.warc.wet.gz")
        (cache / names[-1]).symlink_to(file.absolute())
    return names


def _cutoffs(ours: Path, theirs: Path) -> Path:
    """Write our cut-offs in cc_net's form: a column a language, a row a percentile."""
    with ours.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with theirs.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["", *(row["language"] for row in rows)])
        writer.writerow([30, *(row["head"] for row in rows)])
        writer.writerow([60, *(row["middle"] for row in rows)])
    return theirs


def main() -> None:
    """Run cc_net on the files of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", nargs="+", required=True, type=Path, metavar="FILE")
    parser.add_argument("--lid_model", required=True, type=Path, metavar="FILE")
    parser.add_argument("--lm_dir", required=True, type=Path, metavar="DIR")
    parser.add_argument("--output", required=True, type=Path, metavar="DIR")
    arguments = parser.parse_args()
    counts = run(arguments.input, arguments.lid_model, arguments.lm_dir, arguments.output)
    print(
        json.dumps(
            counts
            | {
                "versions": versions("cc_net", "fasttext", "sentencepiece", "ufal.kenlm", "numpy"),
                "fasttext_build": sha256_of_module("fasttext_pybind"),
            }
        )
    )


if __name__ == "__main__":
    main()
