"""Every table of docs/languages.md, from one command.

    make kenlm
    python benchmarks/languages.py --text data/text --make_crawl make_crawl.py --lid_model lid.176.ftz --work work/

`--text` holds train/ and web/, folders of text pools that share no document; make_crawl.py makes crawls of web/ whose
truth is known. Into docs/languages.md, between its marks, go the tables of

    languages_identification.py    how right the language is, of web/, and what the second model costs
    languages_fluency.py           models trained on train/, and how well they tell articles from junk
    languages_whole.py             build_cc100 on crawls of 40 languages, without and with all of it

A quarter of an hour on two cores; what lies in `--work` already is not made again. With `--only NAME` one of the three.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import languages_whole

_HERE = Path(__file__).resolve().parent
_PAGE = _HERE.parent / "docs" / "languages.md"
# Thirty languages of equal weight, twelve of which are small or lacked by lid.176, and ten of the large ones.
_SMALL = "af am as br cy ff ga gd gu ha ht jv ky lg ln my ns om pa ps qu so su sw tl tn wo xh yi zu".split()
_LARGE = "en de fr es ru ja zh-Hans ar hi vi".split()
# Languages with at least 100 KB of text to train on.
_SCORED = (
    "af ar be bn cs de el en es fa fi fr ha hi id it ja jv ko lg ln om pl ru so sw th tr zh-Hans zh-Hant zu".split()
)
_SEED, _OTHER_SEED = 7, 107
_SHARES = ("--by", "tokens", "--middle", 90)  # what is head and middle of a crawl
_FLUENCY = (sys.executable, "-m", "ccnet_pipeline.fluency")


@dataclass(frozen=True, slots=True)
class Setup:
    """The command line."""

    text: Path
    make_crawl: Path
    lid_model: str
    work: Path

    @property
    def models(self) -> Path:
        """Where the fluency models are."""
        return self.work / "models"

    def crawl(self, name: str, languages: Sequence[str], *, files: int, pages: int, seed: int, dump: str) -> Path:
        """Return a crawl of some languages (none: all), made if it is not there."""
        folder = self.work / "crawls" / name
        if not (folder / "truth.jsonl.zst").exists():
            command: list[object] = [self.make_crawl, "--out", folder, "--text", self.text / "web", "--dump", dump]
            command += ["--files", files, "--records-per-file", pages, "--seed", seed]
            _run(sys.executable, *command, *(["--languages", ",".join(languages)] if languages else []))
        return folder


def _run(*command: object) -> str:
    words = [str(word) for word in command]
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout


def identification(setup: Setup) -> str:
    """Return the tables of languages_identification.py."""
    crawl = setup.crawl("shares", (), files=2, pages=1500, seed=_SEED, dump="2018-26")
    command: list[object] = ["--text", setup.text / "web", "--lid_model", setup.lid_model, "--crawl", crawl]
    return _run(sys.executable, _HERE / "languages_identification.py", *command)


def fluency(setup: Setup) -> str:
    """Return the tables of languages_fluency.py."""
    crawls = [
        setup.crawl(f"one-{code}", (code,), files=1, pages=1200, seed=_SEED, dump=f"2018-{number:02}")
        for number, code in enumerate(_SCORED, start=1)
    ]
    command: list[object] = ["--text", setup.text / "train", "--lm_dir", setup.models, "--lid_model", setup.lid_model]
    return _run(sys.executable, _HERE / "languages_fluency.py", *command, "--crawl", *crawls)


def whole(setup: Setup) -> str:
    """Return the tables of languages_whole.py: without and with what this package adds to lid.176."""
    _run(*_FLUENCY, "train", "--all", setup.text / "train", "--output", setup.models)
    lid = ["--lid_model", setup.lid_model]
    variants = {
        "lid.176 alone": [*lid, "--second_lid_model", "none"],
        "with the added model": lid,
        "and fluency models as trained": [*lid, "--lm_dir", str(setup.models)],
        "or calibrated": [*lid, "--lm_dir", str(_calibrated(setup))],
    }
    return languages_whole.tables(_crawls(setup, _SEED), setup.work / "whole", variants)


def _crawls(setup: Setup, seed: int) -> list[Path]:
    return [
        setup.crawl(f"small-{seed}", _SMALL, files=3, pages=1500, seed=seed, dump="2018-30"),
        setup.crawl(f"large-{seed}", _LARGE, files=2, pages=1500, seed=seed + 1, dump="2018-34"),
    ]


def _calibrated(setup: Setup) -> Path:
    """Return the models with cut-offs from a crawl of other pages."""
    plain, calibrated = setup.work / "plain", setup.work / "calibrated"
    languages_whole.build(_crawls(setup, _OTHER_SEED), plain, ["--lid_model", setup.lid_model])
    shutil.copytree(setup.models, calibrated, dirs_exist_ok=True)
    for language in (*_SMALL, *_LARGE):
        sample = sorted((plain / "shards" / language).glob("*.jsonl.zst"))
        if sample and (calibrated / f"{language}.sp.model").exists():
            command: list[object] = ["--lm_dir", calibrated, "--language", language, *_SHARES]
            _run(*_FLUENCY, "calibrate", *command, "--input", *sample)
    return calibrated


_PARTS: dict[str, Callable[[Setup], str]] = {"identification": identification, "fluency": fluency, "whole": whole}


def put(page: str, name: str, table: str) -> str:
    """Return a page with a table between its marks `<!-- name -->` and `<!-- end -->`."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not pattern.search(page):
        raise SystemExit(f"{_PAGE} has no mark <!-- {name} -->")
    return pattern.sub(lambda match: f"{match[1]}\n{table.strip()}\n\n{match[2]}", page)


def _chosen(only: str | None) -> Iterator[tuple[str, Callable[[Setup], str]]]:
    yield from ((name, part) for name, part in _PARTS.items() if only in (None, name))


def main() -> None:
    """Make the tables and put them into the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, required=True, metavar="DIR", help="with train/ and web/")
    parser.add_argument("--make_crawl", type=Path, required=True, metavar="FILE", help="the generator of crawls")
    parser.add_argument("--lid_model", required=True, help="the general model, by name or path")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="for crawls, models, corpora")
    parser.add_argument("--only", choices=_PARTS, help="one part")
    options = parser.parse_args()
    setup = Setup(options.text, options.make_crawl, options.lid_model, options.work)
    for name, part in _chosen(options.only):
        table = part(setup)
        print(table, flush=True)
        _PAGE.write_text(put(_PAGE.read_text("utf-8"), name, table), encoding="utf-8")


if __name__ == "__main__":
    main()
