"""To transformers and back: equal logits, equal ids, folders that load unchanged; and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from huggingface_hub import ModelCard
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoModelForMaskedLM, AutoTokenizer, XLMRobertaConfig, XLMRobertaForMaskedLM

from model import export
from model.config import to_json
from model.errors import UserError
from model.network import hf
from model.network.xlmr import XlmR
from model.presets import SIZES
from model.training import checkpoint
from tests.model.runs import Harm, randomised, small, state_of, write_run

torch.set_num_threads(1)
IDS = torch.randint(4, 90, (3, 17), generator=torch.Generator().manual_seed(5))


def all_logits(network: XlmR, ids_bs: Tensor, *, padded: bool = False) -> Tensor:
    everywhere = torch.arange(ids_bs.shape[1]).expand(ids_bs.shape)
    hidden = network(ids_bs, everywhere, padded=padded)
    logits: Tensor = hidden @ network.decoder_weight.t() + network.decoder_bias
    return logits.view(*ids_bs.shape, -1)


def their_model(**changes: Any) -> XLMRobertaForMaskedLM:
    torch.manual_seed(1)
    values: dict[str, Any] = {
        "hidden_size": 32,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
    }
    values |= {"vocab_size": 91, "max_position_embeddings": 42, "layer_norm_eps": 1e-5, "type_vocab_size": 1}
    model = XLMRobertaForMaskedLM(XLMRobertaConfig(**{**values, **changes})).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return model


@torch.no_grad()
def test_their_weights_give_their_logits(tmp_path: Path) -> None:
    theirs = their_model()
    assert theirs.roberta.embeddings.token_type_embeddings.weight.any()
    theirs.save_pretrained(tmp_path)
    weights = hf.load_weights(tmp_path)
    found = all_logits(XlmR.of(weights.config, weights.state), IDS)
    torch.testing.assert_close(found, theirs(IDS).logits, atol=1e-4, rtol=0)


@torch.no_grad()
def test_their_logits_with_padding(tmp_path: Path) -> None:
    theirs, ids_bs = their_model(), IDS.clone()
    ids_bs[1, 9:] = ids_bs[2, 2:] = 1
    theirs.save_pretrained(tmp_path)
    weights = hf.load_weights(tmp_path)
    found = all_logits(XlmR.of(weights.config, weights.state), ids_bs, padded=True)
    real = ids_bs != 1
    expected = theirs(ids_bs, attention_mask=real.long()).logits
    torch.testing.assert_close(found[real], expected[real], atol=1e-4, rtol=0)


@torch.no_grad()
def test_our_export_loads_unchanged_and_gives_our_logits(tmp_path: Path) -> None:
    ours = write_run(tmp_path / "run")
    assert export.main(["--run", str(tmp_path / "run"), "--output", str(tmp_path / "deep" / "hf")]) == 0
    theirs, report = AutoModelForMaskedLM.from_pretrained(tmp_path / "deep" / "hf", output_loading_info=True)
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert theirs.dtype == torch.float32
    ids_bs = IDS % ours.config.vocab_size
    torch.testing.assert_close(theirs.eval()(ids_bs).logits, all_logits(ours, ids_bs), atol=1e-4, rtol=0)
    # The longest sample, whose last position is the last row of the table.
    ids_bs = torch.arange(40).expand(1, 40) + 10
    torch.testing.assert_close(theirs(ids_bs).logits, all_logits(ours, ids_bs), atol=1e-4, rtol=0)
    assert theirs.config.max_position_embeddings == 42
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "deep" / "hf")
    assert len(tokenizer) == theirs.config.vocab_size
    assert tokenizer.mask_token_id == theirs.config.vocab_size - 1
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["hf"]


@torch.no_grad()
def test_what_was_never_trained_is_not_exported(tmp_path: Path) -> None:
    ours = write_run(tmp_path / "run", seq_length=24)  # of 40 positions
    export.export(tmp_path / "run", tmp_path / "hf")
    theirs = AutoModelForMaskedLM.from_pretrained(tmp_path / "hf")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "hf")
    assert (theirs.config.max_position_embeddings, tokenizer.model_max_length) == (26, 24)
    long = tokenizer("the river is wide " * 90, truncation=True, return_tensors="pt")
    assert long["input_ids"].shape == (1, 24)
    torch.testing.assert_close(theirs(**long).logits, all_logits(ours, long["input_ids"]), atol=1e-4, rtol=0)


def test_positions_that_came_with_init_are_exported(tmp_path: Path) -> None:
    network = write_run(tmp_path, seq_length=24)
    train = {**to_json(SIZES["tiny"].train), "seq_length": 24}
    folders = {"data": None, "encoded": None, "init": "/some/xlm-r"}
    config = {"version": 1, "model": to_json(network.config), "train": train, **folders}
    (tmp_path / "config.json").write_text(json.dumps(config))
    export.export(tmp_path, tmp_path / "hf")
    assert json.loads((tmp_path / "hf" / "config.json").read_text())["max_position_embeddings"] == 42
    assert json.loads((tmp_path / "hf" / "tokenizer_config.json").read_text())["model_max_length"] == 40


def test_both_dropouts_go_there_and_back(tmp_path: Path) -> None:
    their_model(hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.0).save_pretrained(tmp_path)
    config = hf.read_config(tmp_path)
    assert (config.dropout, config.attention_dropout) == (0.2, 0.0)
    written = hf.config_json(config)
    assert (written["hidden_dropout_prob"], written["attention_probs_dropout_prob"]) == (0.2, 0.0)


def test_there_and_back_is_exact(tmp_path: Path) -> None:
    ours = write_run(tmp_path / "run")
    export.export(tmp_path / "run", tmp_path / "hf")
    back = hf.load_weights(tmp_path / "hf")
    assert back.config == ours.config
    state = ours.state_dict()
    assert set(state) == set(back.state)
    assert all(torch.equal(back.state[name], state[name]) for name in state)


def test_names_are_theirs() -> None:
    theirs, config = their_model(), small(91)
    tensors = hf.to_hf(randomised(config).state_dict(), config)
    tied = {"lm_head.decoder.weight", "lm_head.decoder.bias"}
    shapes = {name: tensor.shape for name, tensor in theirs.state_dict().items() if name not in tied}
    shapes.pop("roberta.embeddings.position_ids", None)
    assert {name: tensor.shape for name, tensor in tensors.items()} == shapes


def test_old_folders_with_a_pickle_and_halves(tmp_path: Path) -> None:
    theirs = their_model().half()
    theirs.config.save_pretrained(tmp_path)
    old = {name.replace("LayerNorm.weight", "LayerNorm.gamma"): value for name, value in theirs.state_dict().items()}
    old["roberta.embeddings.position_ids"] = torch.arange(42)[None]
    torch.save(old, tmp_path / "pytorch_model.bin")
    weights = hf.load_weights(tmp_path)
    assert {tensor.dtype for tensor in weights.state.values()} == {torch.float32}
    found = all_logits(XlmR.of(weights.config, weights.state), IDS)
    with torch.no_grad():
        torch.testing.assert_close(found, theirs.float()(IDS).logits, atol=1e-4, rtol=0)


def test_newest_checkpoint_is_taken(tmp_path: Path) -> None:
    ours = write_run(tmp_path)
    newer = randomised(ours.config, seed=9)
    checkpoint.save(tmp_path / "checkpoints", state_of(newer, step=8), keep=5)
    assert export.export(tmp_path, tmp_path / "hf") == 8
    found = safetensors.torch.load_file(tmp_path / "hf" / "model.safetensors")
    assert torch.equal(found["lm_head.bias"], newer.decoder_bias)


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "run")
    output = tmp_path / "hf"
    output.mkdir()
    (output / "mine").write_text("precious")
    assert export.main(["--run", str(tmp_path / "run"), "--output", str(output)]) == 2
    assert (
        capsys.readouterr().err
        == f"python -m model.export: {output} is there already; delete it or give another --output\n"
    )
    assert [path.name for path in output.iterdir()] == ["mine"]
    (output / "mine").unlink()
    assert export.main(["--run", str(tmp_path / "run"), "--output", str(output)]) == 0


def test_the_weights_can_be_read_by_whom_the_other_files_can(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    export.export(tmp_path / "run", tmp_path / "hf")
    assert len({path.stat().st_mode for path in (tmp_path / "hf").iterdir()}) == 1


def test_a_failed_export_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "run")

    def fail(*_: object, **__: object) -> None:
        # As the library tells of a full disk.
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(safetensors.torch, "save_file", fail)
    assert export.main(["--run", str(tmp_path / "run"), "--output", str(tmp_path / "hf")]) == 2
    assert capsys.readouterr().err.startswith("python -m model.export: no space left on the disk ([Errno 28] No space")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_run_without_checkpoint_or_vocabulary_or_with_another(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no checkpoint in .*; python -m model.pretrain"):
        export.export(tmp_path / "nowhere", tmp_path / "hf")
    write_run(tmp_path / "run")
    vocabulary = tmp_path / "run" / "vocab" / "sentencepiece.bpe.model"
    vocabulary.rename(tmp_path / "aside")
    with pytest.raises(UserError, match=r"no .*sentencepiece.bpe.model"):
        export.export(tmp_path / "run", tmp_path / "hf")
    (tmp_path / "aside").rename(vocabulary)
    checkpoint.save(tmp_path / "run" / "checkpoints", state_of(randomised(small(50)), step=9), keep=2)
    with pytest.raises(UserError, match="has 62 ids, the checkpoint 50"):
        export.export(tmp_path / "run", tmp_path / "hf")
    assert not (tmp_path / "hf").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "bert"}, "model_type is 'bert'"),
        ({"layer_norm_eps": 1e-12}, "layer_norm_eps"),
        ({"hidden_act": "relu"}, "hidden_act"),
        ({"vocab_size": 80}, "decoder_bias has shape"),
        ({"intermediate_size": 64}, "layers.0.ffn_in.weight has shape"),
        ({"num_hidden_layers": 3}, r"lacks the tensor roberta.encoder.layer.2"),
        ({"num_attention_heads": 5}, "must be a multiple of heads"),
        ({"hidden_size": None}, r"config.json of an XLM-R \(Expected `int`, got `null` - at `\$.hidden_size`\)"),
        ({"num_hidden_layers": 2.5}, r"Expected `int`, got `float` - at `\$.num_hidden_layers`"),
        ({"vocab_size": "91"}, r"Expected `int`, got `str`"),
        ({"hidden_dropout_prob": None}, r"Expected `float`, got `null`"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings is False, XLM-R's is True"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type is 'relative_key'"),
        ({"is_decoder": True}, "is_decoder is True"),
    ],
)
def test_folders_of_other_models(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    their_model().save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(UserError, match=message):
        hf.load_weights(tmp_path)


def test_damaged_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no .*config.json"):
        hf.load_weights(tmp_path)
    their_model().save_pretrained(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(UserError, match=r"model.safetensors is damaged"):
        hf.load_weights(tmp_path)
    weights.unlink()
    with pytest.raises(UserError, match="neither"):
        hf.load_weights(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"cut")
    with pytest.raises(UserError, match=r"pytorch_model.bin is damaged"):
        hf.load_weights(tmp_path)
    torch.save({"lm_head.bias": torch.zeros(91), "harm": Harm(tmp_path / "harm")}, tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"pytorch_model.bin is damaged"):
        hf.load_weights(tmp_path)
    assert not (tmp_path / "harm").exists()
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"config.json"):
        hf.load_weights(tmp_path)


def write_log(run: Path, *, seq_length: int = 40) -> None:
    """What a run records beside its checkpoint of step 7."""
    row = {"tokens": 1000, "documents": 12, "share": 0.75, "epochs": 2.5}
    table = {"no": row, "zh-Hans": {**row, "share": 0.25, "epochs": 1.0}}
    lines = [
        {"event": "languages", "step": 0, "languages": table, "too_small": {"ha": 9}, "missing": ["sw"]},
        {"event": "unigram", "step": 0, "loss": 6.0, "languages": {"no": 6.0}},
        {"event": "validation", "step": 5, "loss": 4.0, "languages": {"no": 4.125}},
        {"event": "step", "step": 7, "loss": 4.2},
        {"event": "validation", "step": 10, "loss": 3.0, "languages": {"no": 3.0}},  # after the checkpoint
    ]
    (run / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"event": "ste')
    train = {**to_json(SIZES["tiny"].train), "seq_length": seq_length}
    model = to_json(checkpoint.load(checkpoint.of_run(run)).identity.model)
    values = {"version": 1, "model": model, "train": train, "data": None, "encoded": None, "init": None}
    (run / "config.json").write_text(json.dumps(values))


def test_a_card_tells_what_the_run_has_recorded(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    write_log(tmp_path / "run")
    flags = [f"--run={tmp_path / 'run'}", f"--output={tmp_path / 'norsk'}", "--card", "--license=cc-by-4.0"]
    assert export.main(flags) == 0
    card = ModelCard.load(tmp_path / "norsk" / "README.md")
    card.data.base_model = None
    assert card.data.to_dict() == {
        "language": ["no", "zh"],
        "tags": ["xlm-roberta", "masked-lm", "multilingual"],
        "license": "cc-by-4.0",
        "library_name": "transformers",
        "pipeline_tag": "fill-mask",
    }
    text = card.text
    assert "# norsk\n" in text
    assert "| no | 1,000 | 12 | 75.00% | 2.50 | 4.125 | 6.000 |" in text
    assert "| zh-Hans | 1,000 | 12 | 25.00% | 1.00 |  |  |" in text
    assert "after step 5" in text
    assert "left out, for too little text: ha, sw." in text
    assert "7 of 300 steps" in text
    assert "Training had not come to its end" in text
    assert "no most often (2.5 times" in text
    assert "- A text is at most 40 tokens" in text
    assert "named no licence" not in text
    assert "It has seen no other languages." in text
    assert str(tmp_path) not in text
    settings = {**to_json(small(62)), **to_json(SIZES["tiny"].train), "seq_length": 40}
    for name in ("layers", "heads", "steps", "learning_rate", "seed"):
        assert f"| {name} | {settings[name]} |" in text


def test_a_card_of_a_run_that_was_trained(whole: Path, tmp_path: Path) -> None:
    assert export.main([f"--run={whole}", f"--output={tmp_path / 'hf'}", "--card"]) == 0
    text = ModelCard.load(tmp_path / "hf" / "README.md").text
    found = {line["event"]: line for line in map(json.loads, (whole / "log.jsonl").read_text().splitlines())}
    for code, row in found["languages"]["languages"].items():
        assert f"| {code} | {row['tokens']:,} | {row['documents']:,} | {row['share']:.2%} |" in text
    assert f"Mean of the languages with held-out text: {found['validation']['loss']:.3f}." in text
    assert "10 of 10 steps" in text
    assert "Training had not come to its end" not in text


def test_a_card_names_the_model_that_a_run_began_from(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    write_log(tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "init": "me/xlmr@abc"}))
    export.export(tmp_path / "run", tmp_path / "hf", export.Card("me/more"))
    card = ModelCard.load(tmp_path / "hf" / "README.md")
    assert (card.data.base_model, card.data.license) == ("me/xlmr", "unknown")
    assert "It started from me/xlmr, commit abc, with its vocabulary." in card.text
    assert "has named no licence" in card.text
    assert "It has seen no other languages." not in card.text
    path.write_text(json.dumps({**json.loads(path.read_text()), "init": "/home/me/xlmr"}))
    export.export(tmp_path / "run", tmp_path / "from-folder", export.Card("me/more"))
    card = ModelCard.load(tmp_path / "from-folder" / "README.md")
    assert card.data.base_model is None
    assert "/home" not in card.text


def test_what_a_card_cannot_tell_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(tmp_path / "run")
    flags = [f"--run={tmp_path / 'run'}", f"--output={tmp_path / 'hf'}"]
    for more, message in (
        (["--card"], f"{tmp_path / 'run' / 'log.jsonl'} does not tell the languages of the run"),
        (["--license=mit"], "--license goes into a model card: give --card as well"),
        (["--card", "--license=The MIT"], "--license 'The MIT' is no name of the hub's"),
    ):
        assert export.main([*flags, *more]) == 2
        assert capsys.readouterr().err.startswith(f"python -m model.export: {message}")
    assert not (tmp_path / "hf").exists()
