"""GLUE's files, as the benchmark publishes them; its metrics against formulas; and what is refused."""

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from model.errors import UserError
from model.finetune.classification import Example, Row
from model.finetune.glue import GLUE, tasks_of
from model.finetune.task import Encoding

MNLI = "index\tpromptID\tpairID\tgenre\ts1_bp\ts2_bp\ts1_p\ts2_p\tsentence1\tsentence2\t{}gold_label\n"
BEGIN = "0\t1\t1n\tx\t.\t.\t.\t.\t"
MNLI_DEV = MNLI.format("label1\tlabel2\t")
STS = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n"
SIMILAR = "0\tx\tx\t2012\t1\tnone\tnone\tA.\tB.\t{}\n"
RTE = "index\tsentence1\tsentence2\tlabel\n"
FILES = {
    "cola": {
        "CoLA/train.tsv": 'gj04\t1\t\tHe said "so.\ngj04\t0\t*\tSaid he so.\n',
        "CoLA/dev.tsv": "bc01\t1\t\tShe left.\n",
    },
    "mnli": {
        "MNLI/train.tsv": MNLI.format("label1\t") + BEGIN + "A.\tB.\tneutral\tneutral\n",
        "MNLI/dev_matched.tsv": MNLI_DEV + BEGIN + "C.\tD.\tneutral\tneutral\tentailment\n",
        "MNLI/dev_mismatched.tsv": MNLI_DEV + BEGIN + "E.\tF.\tneutral\tneutral\tneutral\n",
    },
    "mrpc": {
        "MRPC/train.tsv": "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t7\t8\t\" A.\tB.\n",
        "MRPC/dev.tsv": "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t7\t8\tA.\tB.\n",
    },
    "qnli": {
        "QNLI/train.tsv": "index\tquestion\tsentence\tlabel\n0\tWho?\tHe.\tentailment\n",
        "QNLI/dev.tsv": "index\tquestion\tsentence\tlabel\n0\tWho?\tHe.\tnot_entailment\n",
    },
    "qqp": {
        "QQP/train.tsv": "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t2\t3\tA?\tB?\t1\n4\t5\t6\tcut\n",
        "QQP/dev.tsv": "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n1\t2\t3\tA?\t\t0\n",
    },
    "rte": {
        "RTE/train.tsv": RTE + "0\tA.\tB.\tentailment\n",
        "RTE/dev.tsv": RTE + "0\tA.\tB.\tnot_entailment\n",
    },
    "sst-2": {
        "SST-2/train.tsv": "sentence\tlabel\nhide new secretions \t0\n",
        "SST-2/dev.tsv": "sentence\tlabel\nit 's a charming journey . \t1\n",
    },
    "sts-b": {
        "STS-B/train.tsv": STS + SIMILAR.format("5.000"),
        "STS-B/dev.tsv": STS + SIMILAR.format("2.4"),
    },
}  # fmt: skip
EXPECTED = {
    "cola": (
        [('He said "so.', None, "acceptable"), ("Said he so.", None, "unacceptable")],
        [("She left.", None, "acceptable")],
    ),
    "mnli": ([("A.", "B.", "neutral")], [("C.", "D.", "entailment"), ("E.", "F.", "neutral")]),
    "mrpc": ([('" A.', "B.", "same")], [("A.", "B.", "different")]),
    "qnli": ([("Who?", "He.", "entailment")], [("Who?", "He.", "not_entailment")]),
    "qqp": ([("A?", "B?", "same")], [("A?", "", "different")]),
    "rte": ([("A.", "B.", "entailment")], [("A.", "B.", "not_entailment")]),
    "sst-2": ([("hide new secretions ", None, "negative")], [("it 's a charming journey . ", None, "positive")]),
    "sts-b": ([("A.", "B.", 5.0)], [("A.", "B.", 2.4)]),
}  # fmt: skip


def write(folder: Path, name: str, **changes: str) -> Path:
    for file, text in FILES[name].items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(changes.get(path.stem, text).encode())
    return folder


@pytest.mark.parametrize("name", FILES)
def test_each_task_is_read_as_it_is_published(name: str, tmp_path: Path) -> None:
    data = GLUE[name].read(write(tmp_path, name))
    found = [[(one.text, one.pair, one.answer) for one in data.examples["en"][split]] for split in ("train", "dev")]
    assert found == list(EXPECTED[name])
    assert tasks_of(tmp_path) == [name]
    assert len(data.partial) == 2  # it has not as many rows as the published one
    folder = next(tmp_path.iterdir())
    assert GLUE[name].read(folder).examples == data.examples


def test_a_line_that_quora_left_broken_is_left_out_and_said(tmp_path: Path) -> None:
    data = GLUE["qqp"].read(write(tmp_path, "qqp"))
    assert data.notes == (f"{tmp_path / 'QQP' / 'train.tsv'}: 1 lines of another number of columns are left out",)


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("rte", {"dev": RTE + "0\tA.\tB.\n"}, "RTE/dev.tsv, line 2: another number of columns"),
        ("rte", {"train": RTE}, "RTE/train.tsv, line 1: no line after the names"),
        ("rte", {"dev": FILES["qnli"]["QNLI/dev.tsv"]}, "RTE/dev.tsv, line 1: no column sentence1"),
        ("rte", {"dev": RTE + "0\tA.\tB.\tneutral\n"}, "RTE/dev.tsv, line 2: 'neutral' is no label"),
        ("cola", {"dev": "sentence\tlabel\n"}, "CoLA/dev.tsv, line 1: 2 columns, 4 are wanted"),
        ("cola", {"dev": ""}, "CoLA/dev.tsv, line 1: no example"),
        ("sts-b", {"dev": STS + SIMILAR.format("6")}, "STS-B/dev.tsv, line 2: '6' is no score from 0 to 5"),
        ("sts-b", {"dev": STS + SIMILAR.format("nan")}, "STS-B/dev.tsv, line 2: 'nan' is no score"),
        ("qqp", {"dev": FILES["qqp"]["QQP/dev.tsv"] + "a\tb\n" * 3}, "QQP/dev.tsv, line 3: another number of columns"),
    ],
)  # fmt: skip
def test_what_is_not_of_the_form_is_named(name: str, changes: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        GLUE[name].read(write(tmp_path, name, **changes))
    assert str(caught.value).startswith(f"{tmp_path}/{said}")


def test_a_missing_file_and_a_folder_without_tasks_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"^no {tmp_path}/train.tsv; "):
        GLUE["rte"].read(tmp_path)
    with pytest.raises(UserError, match=f"^none of CoLA, MNLI, .* in {tmp_path}"):
        tasks_of(tmp_path)


def examples(parts: Sequence[str]) -> list[Example]:
    return [Example(text="x", answer="y", part=part) for part in parts]


GOLD, GUESS = np.array([0, 1, 1, 0, 1, 1, 0, 1]), np.array([0, 1, 0, 1, 1, 1, 0, 0])
COUNTS = Counter(zip(GOLD.tolist(), GUESS.tolist(), strict=True))
TP, TN, FP, FN = COUNTS[1, 1], COUNTS[0, 0], COUNTS[0, 1], COUNTS[1, 0]


def test_labels_are_scored_by_the_formulas() -> None:
    mcc = (TP * TN - FP * FN) / math.sqrt((TP + FP) * (TP + FN) * (TN + FP) * (TN + FN))
    f1 = 2 * TP / (2 * TP + FP + FN)
    many = examples([""] * 8)
    assert GLUE["cola"].metrics(many, GOLD, GUESS) == pytest.approx({"mcc": mcc})
    for name in ("mrpc", "qqp"):
        assert GLUE[name].metrics(many, GOLD, GUESS) == pytest.approx({"accuracy": 5 / 8, "f1": f1})
        assert next(iter(GLUE[name].metrics(many, GOLD, GUESS))) == "accuracy"
    for name in ("qnli", "rte", "sst-2"):
        assert GLUE[name].metrics(many, GOLD, GUESS) == {"accuracy": 5 / 8}


def test_mnli_has_a_score_for_each_part() -> None:
    found = GLUE["mnli"].metrics(examples(["matched"] * 3 + ["mismatched"] * 5), GOLD, GUESS)
    assert found == pytest.approx({"matched": 2 / 3, "mismatched": 3 / 5})


def ranks(values: Sequence[float]) -> list[float]:
    """Places in order; equal values share the mean of theirs."""
    return [sum(other < one for other in values) + (sum(other == one for other in values) + 1) / 2 for one in values]


def correlation(one: Sequence[float], other: Sequence[float]) -> float:
    x, y = np.array(one) - np.mean(one), np.array(other) - np.mean(other)
    return float((x @ y) / math.sqrt((x @ x) * (y @ y)))


def test_similarity_is_scored_by_pearson_and_spearman() -> None:
    gold, guess = [0.0, 5.0, 2.5, 2.5, 4.0], [0.3, 3.9, 3.1, 1.0, 3.9]
    found = GLUE["sts-b"].metrics(examples([""] * 5), np.array(gold), np.array(guess))
    expected = {"pearson": correlation(gold, guess), "spearman": correlation(ranks(gold), ranks(guess))}
    assert found == pytest.approx(expected)
    assert list(found) == ["pearson", "spearman"]


def test_answers_that_are_all_the_same_are_worth_nothing_and_no_error() -> None:
    many = examples([""] * 8)
    assert GLUE["sts-b"].metrics(many, GOLD.astype(float), np.full(8, 2.0)) == {"pearson": 0.0, "spearman": 0.0}
    assert GLUE["cola"].metrics(many, GOLD, np.zeros(8)) == {"mcc": 0.0}
    assert GLUE["mrpc"].metrics(many, GOLD, np.zeros(8)) == {"accuracy": 3 / 8, "f1": 0.0}


def test_outputs_become_labels_or_values() -> None:
    task = GLUE["rte"]
    rows = [Row(example=place, input_ids=[0], answer=answer) for place, answer in enumerate((0.0, 1.0))]
    outputs = [{"logits": np.array([0.1, 0.9], np.float32)}, {"logits": np.array([-1.0, -2.0], np.float32)}]
    encoding = Encoding(length=8, stride=0, labels=("entailment", "not_entailment"))
    assert task.score(examples(["", ""]), rows, outputs, encoding) == {"accuracy": 0.0}
