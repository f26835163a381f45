"""A smaller vocabulary: the same tokens and logits for the languages that stay, in folders of any origin."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaTokenizer,
)

from ccnet_pipeline import sample
from model import pretrain, trim
from model.finetune.source import open_source
from model.network import hf
from model.text.proto import charsmap, keep_pieces, normalizer_spec
from model.text.shards import Corpus, documents, find_corpus
from model.text.tokenizer import MODEL_FILE, Tokenizer, write_tokenizer_files
from model.text.vocabulary import VocabConfig, build_vocabulary
from tests.model.conftest import write_shard
from tests.model.runs import randomised, small

LANGUAGES = ["de", "en", "fr", "ja", "ru", "sw", "vi"]
KEPT = ["ja", "sw"]
BY_PIECE = ("roberta.embeddings.word_embeddings.weight", "lm_head.bias")
torch.set_num_threads(1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Text of all languages that the vocabulary knows."""
    folder = tmp_path_factory.mktemp("shards")
    for language in LANGUAGES:
        text = (sample.text_directory() / f"{language}.txt").read_text("utf-8")
        lines = [line for line in text.split("\n") if line.strip()][:60]
        pairs = ["\n".join(lines[start : start + 2]) for start in range(0, len(lines), 2)]
        write_shard(folder / language / "all-00000.jsonl.zst", pairs)
    return find_corpus(folder)


@pytest.fixture(scope="module")
def corpus(whole: Corpus) -> Corpus:
    """The text of two languages; what only the others need goes."""
    return Corpus({name: whole.files[name] for name in KEPT})


@pytest.fixture(scope="module")
def texts(corpus: Corpus) -> list[str]:
    return [text for files in corpus.files.values() for text in documents(files)]


@pytest.fixture(scope="module")
def ours(whole: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as model.export writes it."""
    folder = tmp_path_factory.mktemp("ours")
    build_vocabulary(whole, folder / "vocab", VocabConfig(vocab_size=1600, coverage=0.999), workers=1)
    write_tokenizer_files(folder / "vocab" / MODEL_FILE, folder / "hf", max_length=40)
    network = randomised(small(Tokenizer.load(folder / "hf").vocab_size))
    hf.write_tensors(hf.to_hf(network.state_dict(), network.config), folder / "hf")
    (folder / "hf" / "config.json").write_text(json.dumps(hf.config_json(network.config)))
    return folder / "hf"


@pytest.fixture(scope="module")
def theirs(ours: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as transformers writes it, with its XLMRobertaTokenizer, and SentencePiece's model beside it."""
    folder = tmp_path_factory.mktemp("theirs")
    AutoModelForMaskedLM.from_pretrained(ours).half().save_pretrained(folder)
    model = (ours / MODEL_FILE).read_bytes()
    pieces = json.loads((ours / "tokenizer.json").read_text())["model"]["vocab"]
    rules: Any = charsmap(normalizer_spec(model))  # bytes, whatever is declared
    tokenizer = XLMRobertaTokenizer([tuple(each) for each in pieces], _spm_precompiled_charsmap=rules)
    tokenizer.model_max_length = 40
    tokenizer.save_pretrained(folder)
    (folder / MODEL_FILE).write_bytes(model)
    return folder


def old_ids(folder: Path) -> npt.NDArray[np.int64]:
    return np.array(json.loads((folder / "trim.json").read_text())["old_ids"])


@torch.no_grad()
@pytest.mark.parametrize("origin", ["ours", "theirs"])
def test_text_of_the_languages_has_the_same_tokens_and_logits(
    origin: str, corpus: Corpus, texts: list[str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(origin)
    lines = [line for text in texts for line in text.split("\n")]
    made = trim.trim(folder, corpus, tmp_path / "small", workers=1)
    old, new = AutoTokenizer.from_pretrained(folder), AutoTokenizer.from_pretrained(tmp_path / "small")
    assert type(old) is type(new)
    kept = old_ids(tmp_path / "small")
    found = new(lines)["input_ids"]
    assert old(lines)["input_ids"] == [kept[ids].tolist() for ids in found]
    assert all(row.cut_otherwise == 0 and row.before == row.after for row in made.languages.values())
    assert new.mask_token_id == len(kept) - 1
    assert (old.model_max_length, old.padding_side) == (new.model_max_length, new.padding_side)
    big = AutoModelForMaskedLM.from_pretrained(folder).eval()
    lean, report = AutoModelForMaskedLM.from_pretrained(tmp_path / "small", output_loading_info=True)
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    ids = torch.tensor(new(texts[:4], truncation=True, max_length=20, padding="max_length")["input_ids"])
    expected = big(torch.from_numpy(kept)[ids]).logits[..., torch.from_numpy(kept)]
    torch.testing.assert_close(lean.eval()(ids).logits, expected, atol=1e-5, rtol=0)
    assert len(kept) < 0.6 * made.before.ids
    assert (made.after.ids, made.after.parameters) == (len(kept), sum(each.numel() for each in lean.parameters()))


def command_line(model: Path, whole: Corpus, output: Path, *flags: str) -> list[str]:
    data = next(iter(whole.files.values()))[0].parent.parent
    return [f"--model={model}", f"--data={data}", f"--output={output}", "--workers=1", *flags]


def test_the_command_tells_sizes_and_every_row_is_an_old_one(
    ours: Path, whole: Corpus, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert trim.main(command_line(ours, whole, tmp_path / "small", "--languages=sw, ja")) == 0
    kept = old_ids(tmp_path / "small")
    assert f"1,602 ids are {len(kept):,}, 0.1 M parameters 0.0 M, 0.3 MB of weights 0." in caplog.messages[-1]
    before, after = (hf.read_tensors(folder) for folder in (ours, tmp_path / "small"))
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        assert torch.equal(after[name], tensor[kept] if name in BY_PIECE else tensor)
    config = json.loads((tmp_path / "small" / "config.json").read_text())
    assert config == {**json.loads((ours / "config.json").read_text()), "vocab_size": len(kept)}
    assert list(tmp_path.iterdir()) == [tmp_path / "small"]


def test_both_tokenizers_have_the_pieces_that_stay(ours: Path, corpus: Corpus, tmp_path: Path) -> None:
    trim.trim(ours, corpus, tmp_path / "small", workers=1)
    kept, (old, new) = (
        old_ids(tmp_path / "small"),
        (Tokenizer.load(each).pieces() for each in (ours, tmp_path / "small")),
    )
    assert {number: old[kept[number]] for number in new} == new
    vocab = json.loads((tmp_path / "small" / "tokenizer.json").read_text())["model"]["vocab"]
    assert [tuple(each) for each in vocab[4:-1]] == list(new.values())
    # By the lowest score both know what <unk> costs.
    assert min(score for _, score in new.values()) == min(score for _, score in old.values())


def test_rarer_pieces_go_and_texts_that_are_cut_otherwise_are_counted(
    ours: Path, corpus: Corpus, texts: list[str], tmp_path: Path
) -> None:
    made = trim.trim(ours, corpus, tmp_path / "few", min_count=4, workers=1)
    kept, (old, new) = old_ids(tmp_path / "few"), (Tokenizer.load(each) for each in (ours, tmp_path / "few"))
    words = [[text.split("\n") for text in texts] for _ in (old, new)]
    otherwise = [old.encode(a) != [kept[ids].tolist() for ids in new.encode(b)] for a, b in zip(*words, strict=True)]
    rows = made.languages.values()
    assert 0 < sum(row.cut_otherwise for row in rows) == sum(otherwise) < len(texts)
    assert all(row.after > row.before and row.unknown_after == row.unknown_before for row in rows)
    counts = np.bincount(old.encode_documents(texts)[0], minlength=old.vocab_size)
    longer = {number for number, (piece, _) in old.pieces().items() if len(piece) > 1}
    assert {number for number in longer if counts[number] >= 4} <= {*kept}
    assert sum(counts[number] < 4 for number in longer & {*kept}) <= 1  # the one with the lowest score


def test_the_most_used_pieces_are_kept(ours: Path, whole: Corpus, tmp_path: Path) -> None:
    flags = ["--languages=sw", "--keep=90"]
    assert trim.main(command_line(ours, whole, tmp_path / "90", *flags)) == 0
    assert len(old_ids(tmp_path / "90")) == 92
    assert trim.main(command_line(ours, whole, tmp_path / "all", "--languages=sw")) == 0
    assert trim.main(command_line(ours, whole, tmp_path / "most", "--languages=sw", "--keep=1600")) == 0
    assert (tmp_path / "all" / MODEL_FILE).read_bytes() == (tmp_path / "most" / MODEL_FILE).read_bytes()


def test_a_word_whose_piece_went_is_spelt(ours: Path, corpus: Corpus, tmp_path: Path) -> None:
    trim.trim(ours, corpus, tmp_path / "few", min_count=1000, workers=1)
    tokenizer = Tokenizer.load(tmp_path / "few")
    [ids] = tokenizer.encode(["mto mkubwa"])
    assert tokenizer.unk_id not in ids
    assert tokenizer.decode(ids) == "mto mkubwa"


@torch.no_grad()
@pytest.mark.parametrize("kind", [AutoModel, AutoModelForSequenceClassification])
def test_models_with_other_heads_or_none(kind: Any, ours: Path, corpus: Corpus, tmp_path: Path) -> None:
    model = kind.from_pretrained(ours).eval()
    model.save_pretrained(tmp_path / "big")
    (tmp_path / "big" / MODEL_FILE).write_bytes((ours / MODEL_FILE).read_bytes())
    trim.trim(tmp_path / "big", corpus, tmp_path / "small", workers=1)
    lean = kind.from_pretrained(tmp_path / "small").eval()
    ids = torch.tensor([[0, *range(4, 20), 2]])
    kept = torch.from_numpy(old_ids(tmp_path / "small"))
    torch.testing.assert_close(lean(ids)[0], model(kept[ids])[0], atol=0, rtol=0)
    # There was no tokenizer.json: it is made of SentencePiece's model.
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "small")
    assert (len(tokenizer), tokenizer.model_max_length) == (len(kept), 40)


@torch.no_grad()
def test_an_output_layer_of_its_own_and_older_weights(ours: Path, corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "big").mkdir()
    config = XLMRobertaConfig.from_pretrained(ours)
    config.tie_word_embeddings = False
    model = XLMRobertaForMaskedLM(config).eval()
    model.lm_head.decoder.weight.normal_()
    config.save_pretrained(tmp_path / "big")
    torch.save(model.state_dict(), tmp_path / "big" / "pytorch_model.bin")
    (tmp_path / "big" / MODEL_FILE).write_bytes((ours / MODEL_FILE).read_bytes())
    trim.trim(tmp_path / "big", corpus, tmp_path / "small", workers=1)
    kept = torch.from_numpy(old_ids(tmp_path / "small"))
    lean = XLMRobertaForMaskedLM.from_pretrained(tmp_path / "small").eval()
    ids = torch.tensor([[0, *range(4, 20), 2]])
    torch.testing.assert_close(lean(ids).logits, model(kept[ids]).logits[..., kept], atol=1e-5, rtol=0)


def test_pretraining_goes_on_from_it(ours: Path, whole: Corpus, corpus: Corpus, tmp_path: Path) -> None:
    trim.trim(ours, corpus, tmp_path / "small", workers=1)
    data = next(iter(whole.files.values()))[0].parent.parent
    settings = "--size=tiny --device=cpu --seq_length=32 --batch_size=4 --steps=2 --warmup=1 --workers=1".split()
    run = tmp_path / "run"
    assert pretrain.main([f"--data={data}", f"--init={tmp_path / 'small'}", f"--output={run}", *settings]) == 0
    assert Tokenizer.load(run / "vocab").vocab_size == len(old_ids(tmp_path / "small"))


def test_fine_tuning_goes_on_from_it(ours: Path, corpus: Corpus, tmp_path: Path) -> None:
    trim.trim(ours, corpus, tmp_path / "small", workers=1)
    with open_source(str(tmp_path / "small")) as source:
        assert (len(source.tokenizer), source.longest) == (len(old_ids(tmp_path / "small")), 40)


def test_a_piece_that_is_a_token_of_its_own_stays(ours: Path, corpus: Corpus, tmp_path: Path) -> None:
    folder = shutil.copytree(ours, tmp_path / "big")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    number = next(n for n, (piece, _) in enumerate(tokenizer["model"]["vocab"]) if "ß" in piece)
    tokenizer["added_tokens"].append({**tokenizer["added_tokens"][0], "id": number, "content": "ß"})
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    trim.trim(folder, corpus, tmp_path / "small", workers=1)
    tokens = json.loads((tmp_path / "small" / "tokenizer.json").read_text())["added_tokens"]
    assert old_ids(tmp_path / "small")[tokens[-1]["id"]] == number


def test_mistakes_are_one_line(ours: Path, whole: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def mistake(model: Path, *flags: str) -> str:
        assert trim.main(command_line(model, whole, tmp_path / "small", *flags)) == 2
        [line] = capsys.readouterr().err.splitlines()
        return line.removeprefix("python -m model.trim: ")

    def changed(name: str, **values: Any) -> Path:
        folder = shutil.copytree(ours, tmp_path / "changed", dirs_exist_ok=True)
        content = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**content, **values}))
        return folder

    assert mistake(ours, "--languages=sw,xx").startswith("--languages: no 'xx' in ")
    assert mistake(ours, "--min_count=0") == "--min_count 0 is below 1"
    assert mistake(ours, "--keep=20", "--languages=sw").startswith("--keep 20 is too small: the characters of the text")
    assert mistake(tmp_path / "nowhere").startswith(
        f"no folder {tmp_path / 'nowhere'}; give one with a model, or a name"
    )
    assert mistake(changed("config.json", model_type="bert")).endswith(
        "model_type is 'bert', not 'xlm-roberta'; give an XLM-R"
    )
    assert "has 1700 ids by its config.json, 1602 by its vocabulary" in mistake(changed("config.json", vocab_size=1700))
    assert "has no number vocab_size" in mistake(changed("config.json", vocab_size=None))
    other = changed("tokenizer.json", model={"type": "Unigram", "unk_id": 3, "vocab": [["<s>", 0.0]] * 1602})
    assert "has other pieces than sentencepiece.bpe.model beside it" in mistake(other)
    (other / "tokenizer.json").write_text("[]")
    assert mistake(other) == f"{other / 'tokenizer.json'} holds no JSON object; copy it again"
    (other / "tokenizer.json").unlink()
    hf.write_tensors({"roberta.embeddings.word_embeddings.weight": torch.zeros(9, 2)}, other)
    assert "word_embeddings.weight has 9 rows, config.json and the vocabulary want 1602" in mistake(other)
    (other / MODEL_FILE).unlink()
    assert mistake(other).startswith(f"no {other / MODEL_FILE}: copy it from where the model came from; ")
    assert not (tmp_path / "small").exists()
    (tmp_path / "small").write_text("mine")
    assert mistake(ours) == f"{tmp_path / 'small'} is there already; delete it or give another --output"
    assert (tmp_path / "small").read_text() == "mine"


def test_a_model_with_all_its_pieces_is_the_same_model(ours: Path) -> None:
    model = (ours / MODEL_FILE).read_bytes()
    assert keep_pieces(model, range(1600)) == model
    assert len(keep_pieces(model, range(3))) < 0.02 * len(model) + len(normalizer_spec(model))
