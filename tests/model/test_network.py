"""The network: XLM-R's form, sound under autocast, and equal to transformers' (test_export has the logits)."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from model.config import ModelConfig, TrainConfig, differences, read_model, read_train, to_json
from model.errors import UserError
from model.network.loss import chunked_cross_entropy
from model.network.xlmr import Layer, XlmR
from model.presets import SIZES
from tests.model.runs import randomised, small

CONFIG = small(60)
torch.set_num_threads(1)


def ids(samples: int, length: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(4, CONFIG.vocab_size, (samples, length), generator=torch.Generator().manual_seed(seed))


def test_head_works_at_the_masked_positions_only() -> None:
    network, ids_bs = randomised(CONFIG), ids(3, 11)
    everywhere = network(ids_bs, torch.arange(11).expand(3, 11)).view(3, 11, -1)
    positions_bk = torch.tensor([[0, 4], [10, 10], [7, 2]])
    some = network(ids_bs, positions_bk)
    assert some.shape == (6, CONFIG.hidden)
    expected = torch.stack([everywhere[row, place] for row in range(3) for place in positions_bk[row].tolist()])
    torch.testing.assert_close(some, expected)


@pytest.mark.parametrize("padding", [1, 9])
def test_padding_changes_nothing(padding: int) -> None:
    network, ids_bs, positions_bk = randomised(CONFIG), ids(2, 8), torch.tensor([[1, 7], [2, 3]])
    padded_bs = torch.cat([ids_bs, torch.ones(2, padding, dtype=torch.int64)], 1)
    padded_bs[1, 5:] = 1
    found = network(padded_bs, positions_bk, padded=True).view(2, 2, -1)
    torch.testing.assert_close(found[:1], network(ids_bs[:1], positions_bk[:1])[None])
    torch.testing.assert_close(found[1:], network(ids_bs[1:, :5], positions_bk[1:])[None])


def test_every_weight_but_the_unused_positions_learns() -> None:
    torch.manual_seed(0)
    network, targets = XlmR(CONFIG), torch.randint(4, 60, (6,))
    hidden = network(ids(2, 40), torch.tensor([[0, 5, 9]] * 2))
    chunked_cross_entropy(hidden, network.decoder_weight, network.decoder_bias, targets).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
    assert network.positions.weight.grad is not None
    assert network.positions.weight.grad.any(1).nonzero().flatten().tolist() == list(range(2, 42))


def test_output_and_input_share_their_matrix() -> None:
    network = XlmR(CONFIG)
    assert network.decoder_weight is network.words.weight
    assert sum(parameter.numel() for parameter in network.parameters()) == 60 * 32 + 42 * 32 + 60 + sum(
        parameter.numel()
        for part in (network.norm, network.head_dense, network.head_norm, network.layers)
        for parameter in part.parameters()
    )


@pytest.mark.parametrize(("size", "millions"), [("base", 278.3), ("large", 560.1)])
def test_parameters_of_the_paper(size: str, millions: float) -> None:
    with torch.device("meta"):
        network = XlmR(SIZES[size].model)
    # Ours has no row for the token type.
    count = sum(parameter.numel() for parameter in network.parameters()) + SIZES[size].model.hidden
    assert round(count / 1e6, 1) == millions


@pytest.mark.parametrize("std", [0.02, 0.08])
def test_initial_weights(std: float) -> None:
    config = replace(SIZES["tiny"].model, init_std=std)
    torch.manual_seed(0)
    network = XlmR(config)
    for name, module in network.named_modules():
        if isinstance(module, nn.LayerNorm):
            assert module.eps == 1e-5, name
            assert (module.weight == 1).all(), name
            assert not module.bias.any(), name
        elif isinstance(module, nn.Linear | nn.Embedding):
            assert module.weight.std().item() == pytest.approx(std, rel=0.05), name
        if isinstance(module, nn.Linear):
            assert not module.bias.any(), name
    assert not network.words.weight[1].any()
    assert not network.decoder_bias.any()
    torch.manual_seed(0)
    again = XlmR(config)
    assert all(torch.equal(*pair) for pair in zip(network.parameters(), again.parameters(), strict=True))


def test_untrained_loss_is_that_of_a_guess() -> None:
    torch.manual_seed(0)
    network = XlmR(replace(SIZES["tiny"].model, init_std=0.02))
    ids_bs, targets = torch.randint(4, 8000, (4, 64)), torch.randint(4, 8000, (40,))
    hidden = network(ids_bs, torch.arange(10).expand(4, 10))
    loss = chunked_cross_entropy(hidden, network.decoder_weight, network.decoder_bias, targets)
    assert loss.item() == pytest.approx(torch.tensor(8002.0).log().item(), abs=0.15)


def test_autocast_keeps_the_residual_stream_in_fp32() -> None:
    network, ids_bs, positions_bk = randomised(CONFIG), ids(2, 20), torch.tensor([[3, 4, 5]] * 2)
    seen = {}
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear | nn.LayerNorm | Layer):
            module.register_forward_hook(lambda *args, name=name: seen.update({name: args[-1].dtype}))
    exact = network(ids_bs, positions_bk)
    with torch.autocast("cpu", torch.bfloat16):
        found = network(ids_bs, positions_bk)
    assert seen["layers.0.ffn_in"] == torch.bfloat16
    assert {seen["layers.1"], seen["layers.1.ffn_norm"], seen["norm"]} == {torch.float32}
    assert (found - exact).norm() < 0.03 * exact.norm()


def test_a_bf16_residual_stream_is_almost_as_near_to_fp32() -> None:
    network, ids_bs, positions_bk = randomised(CONFIG), ids(4, 20), torch.tensor([[3, 4, 5]] * 4)
    kinds = set()
    for layer in network.layers:
        layer.register_forward_hook(lambda *args: kinds.add(args[-1].dtype))
    targets = torch.randint(4, 60, (12,), generator=torch.Generator().manual_seed(1))

    def both_passes(*, bf16: bool, residual: bool = False) -> torch.Tensor:
        network.bf16_residual = residual
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            hidden = network(ids_bs, positions_bk)
            loss = chunked_cross_entropy(hidden, network.decoder_weight, network.decoder_bias, targets)
        gradients = torch.autograd.grad(loss, [*network.parameters()])
        return torch.cat([loss.view(1), *(gradient.flatten() for gradient in gradients)])

    exact, narrow = both_passes(bf16=False), both_passes(bf16=True)
    assert kinds == {torch.float32}
    kinds.clear()
    found = both_passes(bf16=True, residual=True)
    assert kinds == {torch.bfloat16}
    assert abs(found[0] - exact[0]) < 0.03
    assert (found - exact).norm() < 1.5 * (narrow - exact).norm()
    assert (found - exact).norm() < 0.03 * exact.norm()


def test_dropout_follows_from_the_seed_and_is_off_when_used() -> None:
    network, ids_bs, positions_bk = randomised(CONFIG).train(), ids(2, 20), torch.tensor([[3]] * 2)

    def seeded(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return network(ids_bs, positions_bk)

    assert torch.equal(seeded(1), seeded(1))
    assert not torch.equal(seeded(1), seeded(2))
    network.eval()
    assert torch.equal(seeded(1), seeded(2))


def test_it_learns() -> None:
    torch.manual_seed(0)
    network = XlmR(CONFIG)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    ids_bs, positions_bk = ids(8, 12), torch.tensor([[2, 6]] * 8)
    targets, losses = ids_bs.gather(1, positions_bk).flatten(), []
    for _ in range(150):
        hidden = network(ids_bs.scatter(1, positions_bk, 59), positions_bk)
        loss = chunked_cross_entropy(hidden, network.decoder_weight, network.decoder_bias, targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[0] > 3.5
    assert losses[-1] < 0.2


@pytest.mark.parametrize("kind", ["dropout", "attention_dropout"])
def test_each_dropout_is_its_own(kind: str) -> None:
    rates = {"dropout": 0.0, "attention_dropout": 0.0, kind: 0.5}
    network = XlmR(read_model({**to_json(CONFIG), **rates})).train()
    seen: dict[str, list[float]] = {"dropout": [], "attention_dropout": []}
    attention = functional.scaled_dot_product_attention

    def note(*arguments: Any, **options: Any) -> torch.Tensor:
        seen["attention_dropout"].append(options["dropout_p"])
        return attention(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(functional, "scaled_dot_product_attention", note)
        network(ids(2, 20), torch.tensor([[3]] * 2))
    seen["dropout"] = [module.p for module in network.modules() if isinstance(module, nn.Dropout)]
    assert {name: set(found) for name, found in seen.items()} == {name: {rate} for name, rate in rates.items()}


@pytest.mark.parametrize(
    "bad",
    [{"heads": 5}, {"layers": 0}, {"dropout": 0.999}, {"attention_dropout": 1.0}, {"vocab_size": 5}, {"max_length": 0}],
)
def test_a_shape_that_cannot_be(bad: dict[str, int]) -> None:
    with pytest.raises(
        UserError, match=next(iter(set(bad) - {"heads"}), "hidden is 32; it must be a multiple of heads")
    ):
        ModelConfig(**{**to_json(CONFIG), **bad})


@pytest.mark.parametrize(
    "bad",
    [{"steps": 0}, {"precision": "fp16"}, {"mask_share": 0.99}, {"mask_share": 1e-9}, {"betas": (0.9, 1.0)},
     {"alpha": 50.0}, {"learning_rate": 1e6}, {"weight_decay": 3.0}, {"eps": 2.0}],
)  # fmt: skip
def test_settings_that_cannot_be(bad: dict[str, object]) -> None:
    with pytest.raises(UserError, match=next(iter(bad))):
        TrainConfig(**{**to_json(SIZES["base"].train), **bad})


@pytest.mark.parametrize("size", list(SIZES))
def test_configurations_come_back_from_json(size: str) -> None:
    model, train = (json.loads(json.dumps(to_json(config))) for config in (SIZES[size].model, SIZES[size].train))
    assert (read_model(model), read_train(train)) == (SIZES[size].model, SIZES[size].train)
    with pytest.raises(UserError, match="differs in odd"):
        read_model({**model, "odd": 1})


def test_a_configuration_without_a_dropout_of_attention_means_that_of_the_hidden_states() -> None:
    old = to_json(replace(CONFIG, dropout=0.3))
    del old["attention_dropout"]
    assert read_model(old) == replace(CONFIG, dropout=0.3, attention_dropout=0.3)


def test_differences_leave_out_what_is_free() -> None:
    train = SIZES["base"].train
    other = read_train({**to_json(train), "seed": 5, "micro_batch": 4, "keep": 9})
    assert differences(train, other) == ["seed is 0, not 5"]
