"""Our filters against datatrove's: how many verdicts are the same, and the CPU time of each.

    python benchmarks/filters.py --text web/ --documents 10000

Documents of pools of text (`<code>.txt.zst`, one paragraph a line), half of them spoilt, as in the tests
(tests/filters/made_documents.py), an equal number of each language. First datatrove is given our words, so that only
the rules differ. Then it divides words by its own tokenizer of the language, as by default; this is timed. A reason is
compared, too. datatrove remembers the words of its last five texts, so all its filters are asked about a document
before the next one, and ours likewise.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.filters.datatrove_oracle import FILTERS, OurWords, their_reason  # noqa: E402
from tests.filters.made_documents import texts_of  # noqa: E402

# What datatrove calls them. Those are left out whose tokenizers need models, or packages besides spaCy.
DEFAULTS = {
    "en": "eng_Latn", "de": "deu_Latn", "fr": "fra_Latn", "es": "spa_Latn", "it": "ita_Latn", "pl": "pol_Latn",
    "ru": "rus_Cyrl", "ar": "arb_Arab", "tr": "tur_Latn", "fi": "fin_Latn", "sw": "swh_Latn", "am": "amh_Ethi",
}  # fmt: skip
OTHERS = ("hi", "ko", "ja", "zh-Hans", "th", "my")


@dataclass(slots=True)
class Tally:
    """What was found of one filter."""

    documents: int = 0
    same: int = 0  # the reason, too
    same_verdict: int = 0
    ours_s: float = 0.0  # CPU
    theirs_s: float = 0.0
    differing: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)

    def add(self, ours: str | None, theirs: str | None) -> None:
        """Count a verdict of each."""
        self.documents += 1
        self.same += ours == theirs
        self.same_verdict += (ours is None) == (theirs is None)
        if ours != theirs:
            self.differing[ours, theirs] += 1

    def take(self, other: Tally) -> None:
        """Count all that another one has."""
        self.documents += other.documents
        self.same += other.same
        self.same_verdict += other.same_verdict
        self.ours_s += other.ours_s
        self.theirs_s += other.theirs_s


def timed(work: Callable[..., str | None], *arguments: Any) -> tuple[str | None, float]:
    """Return what work returns, and the CPU seconds that it takes."""
    start = time.process_time()
    found = work(*arguments)
    return found, time.process_time() - start


def compare(
    texts: Sequence[str], language: str, oracles: dict[str, Any], tallies: dict[str, Tally], *, is_timed: bool
) -> None:
    """Ask all filters about each text."""
    for text in texts:
        for name, (ours, _) in FILTERS.items():
            reason, seconds = timed(ours.reason, text, language)
            theirs, their_seconds = timed(their_reason, oracles[name], text)
            tallies[name].add(reason, theirs)
            if is_timed:
                tallies[name].ours_s += seconds
                tallies[name].theirs_s += their_seconds


def show(title: str, tallies: dict[str, Tally]) -> None:
    """Print a table of one comparison."""
    head = f"{title} | documents | same verdict | same verdict and reason | ours, us | datatrove, us | ratio"
    print(f"\n| {head} |\n{'|---' * 7}|")
    total = Tally()
    for name, each in [*tallies.items(), ("together", total)]:
        if each is not total:
            total.take(each)
        ours_us, theirs_us = (1e6 * seconds / each.documents for seconds in (each.ours_s, each.theirs_s))
        ratio = f"{ours_us:.0f} | {theirs_us:.0f} | {theirs_us / ours_us:.1f}" if each.ours_s else "| |"
        print(f"| {name} | {each.documents:,} | {each.same_verdict:,} | {each.same:,} | {ratio} |", flush=True)
    for name, each in tallies.items():
        for (ours, theirs), count in each.differing.most_common(5):
            print(f"  {name}: ours {ours}, datatrove {theirs}: {count}")


def run(title: str, languages: Sequence[str], documents: int, folder: Path, words_of: Callable[[str], Any]) -> None:
    """Compare on so many documents of some languages."""
    tallies = {name: Tally() for name in FILTERS}
    for language in languages:
        texts = list(texts_of(folder, language, -(-documents // len(languages))))
        oracles = {name: kind(language=words_of(language)) for name, (_, kind) in FILTERS.items()}
        # What is loaded once does not count.
        compare(texts[:3], language, oracles, {name: Tally() for name in FILTERS}, is_timed=False)
        compare(texts, language, oracles, tallies, is_timed=words_of is not OurWords)
    show(title, tallies)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, required=True, help="folder of <code>.txt.zst")
    parser.add_argument("--documents", type=int, default=10_000, help="in all (default: %(default)s)")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # the mean of no words
    run("the same words", [*DEFAULTS, *OTHERS], options.documents, options.text, OurWords)
    run("English, datatrove's words", ["en"], options.documents, options.text, DEFAULTS.__getitem__)
    run("11 others, datatrove's words", list(DEFAULTS)[1:], options.documents, options.text, DEFAULTS.__getitem__)


if __name__ == "__main__":
    main()
