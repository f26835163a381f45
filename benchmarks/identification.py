"""What fastText makes of text that it cannot read, and of the same text in the form that it is shown (preset cc100).

    python benchmarks/identification.py --lid_model lid.176.ftz --text web/ --languages en,de,vi

Paragraphs of 40 to 600 characters from pools of text (`<code>.txt.zst`, one paragraph a line), spoilt in several ways.
As a Markdown table: the share of paragraphs with the right label and a score of 0.5 or more, and after a slash the
share with a wrong one, in per cent; as the text is -> as it is shown.
"""

from __future__ import annotations

import argparse
import io
import sys
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

import zstandard

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ccnet_pipeline.language import UNDETERMINED, FastTextModel, Judgement, ModelIdentifier  # noqa: E402
from ccnet_pipeline.language.readable import for_identification  # noqa: E402

_DOTTED = ("az", "tr")  # capital i has a dot


def capitals(text: str, language: str) -> str:
    """Return the text in capitals as people write them: dotted in Turkish, without accents in Greek."""
    upper = (text.replace("i", "İ") if language in _DOTTED else text).upper()
    if language != "el":
        return upper
    letters = [letter for letter in unicodedata.normalize("NFD", upper) if unicodedata.category(letter) != "Mn"]
    return unicodedata.normalize("NFC", "".join(letters))


SPOILT: dict[str, Callable[[str, str], str]] = {
    "ordinary": lambda text, _: text,
    "capitals": capitals,
    "U+00A0 for blanks": lambda text, _: text.replace(" ", "\u00a0"),
    "`</s>` in front": lambda text, _: f"</s> {text}",
    "NFD": lambda text, _: unicodedata.normalize("NFD", text),
    "U+200E around words": lambda text, _: "\u200e" + text.replace(" ", "\u200e \u200e") + "\u200e",
}


def paragraphs(path: Path, most: int) -> list[str]:
    """Return paragraphs of a pool, evenly spread over it."""
    with zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True) as stream:
        lines = [line.strip() for line in io.TextIOWrapper(stream, encoding="utf-8", newline="\n")]
    fitting = [line for line in lines if 40 <= len(line) <= 600]
    return fitting[:: max(1, len(fitting) // most)][:most]


def shares(identifier: ModelIdentifier, texts: Sequence[str], language: str) -> tuple[float, float]:
    """Return the shares with the right and with a wrong label, in per cent."""
    found = [each.language for each in identifier.identify(texts)]
    right, unsure = found.count(language), found.count(UNDETERMINED)
    return 100 * right / len(texts), 100 * (len(found) - unsure - right) / len(texts)


def cell(identifier: ModelIdentifier, texts: Sequence[str], language: str) -> str:
    """Return one cell of the table; a single figure where the form changes nothing."""
    as_is = "{:.0f} / {:.0f}".format(*shares(identifier, texts, language))
    shown = for_identification(texts)
    return as_is if shown == list(texts) else as_is + " -> {:.0f} / {:.0f}".format(*shares(identifier, shown, language))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lid_model", type=Path, required=True, help="a fastText model")
    parser.add_argument("--text", type=Path, required=True, help="folder of <code>.txt.zst")
    parser.add_argument("--languages", help="separated by commas (default: every pool)")
    parser.add_argument("--most", type=int, default=400, help="paragraphs a language (default: %(default)s)")
    options = parser.parse_args()
    identifier = ModelIdentifier(FastTextModel(options.lid_model), None, Judgement(tells_zawgyi=False))
    pools = {path.name.removesuffix(".txt.zst"): path for path in sorted(options.text.glob("*.txt.zst"))}
    print("| | paragraphs | " + " | ".join(SPOILT) + " |")
    print("|---" * (len(SPOILT) + 2) + "|")
    for language in options.languages.split(",") if options.languages else pools:
        texts = paragraphs(pools[language], options.most)
        if not texts:
            continue
        cells = [cell(identifier, [spoil(text, language) for text in texts], language) for spoil in SPOILT.values()]
        print(f"| {language} | {len(texts)} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
