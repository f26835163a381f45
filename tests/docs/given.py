"""Files that the reader of a page has before its first command, by their names in the commands."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from ccnet_pipeline import sample
from tests.conftest import CHECKOUT
from tests.docs import programs
from tests.docs.blocks import blocks_of
from tests.docs.stage import TINY, sample_text


def lay_out(folder: Path, given: Sequence[str], finished: Callable[[], Path]) -> None:
    """Put into a folder what the commands of a page take for granted; `finished` has `corpus` and its index, `seen`."""
    for each in given:
        name, _, made_of = each.partition("=")
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if made_of in ("corpus", "seen"):
            shutil.copytree(finished() / made_of, place)
        elif made_of == "trained":
            _train(finished() / "corpus", place)
        elif made_of == "checkout":
            place.symlink_to(CHECKOUT / name)
        else:
            MAKERS[made_of or name](place)


def _write(files: dict[str, str]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, "utf-8")

    return write


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join("\t".join(row) + "\n" for row in (names, *rows))


def _train(corpus: Path, folder: Path) -> None:
    run = folder.with_name(f"{folder.name}-run")
    given = ["--data", str(corpus / "shards"), "--output", str(run), *TINY.split()]
    assert programs.find_main("model.pretrain")(given) == 0
    assert programs.find_main("model.export")(["--run", str(run), "--output", str(folder)]) == 0
    shutil.rmtree(run)


def _download(folder: Path) -> None:
    shutil.copytree(sample.crawl_directory(), folder)


def _from_page(page: str) -> Callable[[Path], None]:
    """Write the block of a page that begins with the file's name."""

    def write(file: Path) -> None:
        [text] = [each.text for each in blocks_of(CHECKOUT / page) if each.text.startswith(f"# {file.name}\n")]
        file.write_text(f"{text}\n", "utf-8")

    return write


_PAIRS = [("A boy runs.", "A child moves.", "entailment"), ("A boy runs.", "He sits.", "contradiction")]
_LINES = [(language, *pair) for language in ("en", "sw") for pair in _PAIRS]
_XNLI = ("language", "sentence1", "sentence2", "gold_label")
_TRAIN = {f"multinli.train.{language}.tsv": _table(("premise", "hypo", "label"), _PAIRS) for language in ("en", "sw")}
_RTE = _table(("sentence1", "sentence2", "label"), _PAIRS[:1])
_WORDS = "-DOCSTART- -X- -X- O\n\nAnna NNP I-NP I-PER\nruns VBZ I-VP O\n. . O O\n\n"
_CONTEXT = "Anna lives in Paris and works in a small house near the river."
_ANSWERS = [{"text": "Paris", "answer_start": 14}]
_ASKED = {"id": "1", "question": "Where does Anna live?", "answers": _ANSWERS}
_ARTICLES = [{"title": "", "paragraphs": [{"context": _CONTEXT, "qas": [_ASKED]}]}]
_SQUAD = json.dumps({"version": "1.1", "data": _ARTICLES})
_MLQA = ("train-v1.1", "dev-context-en-question-en", "test-context-en-question-en", "test-context-de-question-de")
MAKERS: dict[str, Callable[[Path], None]] = {
    "xnli": _write({**_TRAIN, "xnli.dev.tsv": _table(_XNLI, _LINES), "xnli.test.tsv": _table(_XNLI, _LINES)}),
    "glue": _write({"RTE/train.tsv": _RTE, "RTE/dev.tsv": _RTE}),
    "conll": _write(
        {name: _WORDS for name in ("eng.train", "eng.testa", "eng.testb", "ned.train", "ned.testa", "ned.testb")}
    ),
    "mlqa": _write({f"{name}.json": _SQUAD for name in _MLQA}),
    "hosts.txt": _write({"": "# asked for by mail\nexample.org\n"}),
    "downloads": _download,
    "texts": _write({"sw.txt": sample_text("sw")}),
    "test.json": _write({"": _SQUAD}),
    "my_filters.py": _from_page("docs/extending.md"),
}
