"""XLM-R, to be read from top to bottom: embeddings, post-norm encoder, head of the masked language model.

Letters of shapes: b samples, s tokens of a sample, k masked positions of a sample, n = b * k, h hidden width,
a attention heads, d width of a head, f width of the feed-forward layer, v ids.

The head works at the masked positions only, and the product with the vocabulary is left to the loss (loss.py), which
never holds all of it. Weights are fp32; under bf16 autocast the products of matrices are bf16 while the residual
stream, the layer norms and the loss stay fp32. With `bf16_residual` the residual stream is bf16 as well, and the layer
norms, still fp32 inside, move half the bytes. The token type of the released model, one row for all tokens, is part
of the position table here (hf.py).

Source: Conneau et al. 2020 (XLM-R), table 7; Liu et al. 2019 (RoBERTa); Vaswani et al. 2017, section 3 (post-norm).
"""

import functools
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.config import FIRST_POSITION, LAYER_NORM_EPS, ModelConfig
from model.ids import PAD


class XlmR(nn.Module):
    """The network. Its weights follow from torch's seed at construction."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.bf16_residual = False  # under autocast
        self.words = nn.Embedding(config.vocab_size, config.hidden)
        self.positions = nn.Embedding(config.positions, config.hidden)
        self.norm = Norm(config)
        self.dropout = nn.Dropout(config.dropout)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.head_dense = nn.Linear(config.hidden, config.hidden)
        self.head_norm = nn.LayerNorm(config.hidden, eps=LAYER_NORM_EPS)
        self.decoder_bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.apply(functools.partial(_initialise, std=config.init_std))
        with torch.no_grad():
            self.words.weight[PAD].zero_()

    @classmethod
    def of(cls, config: ModelConfig, state: Mapping[str, Tensor]) -> "XlmR":
        """Return a network with these weights, for use and not for training."""
        with torch.device("meta"):  # no time for random weights that are replaced at once
            network = cls(config)
        network.load_state_dict(state, assign=True)
        return network.eval().requires_grad_(False)

    @property
    def decoder_weight(self) -> Tensor:
        """The word embeddings, (v, h): input and output share them."""
        return self.words.weight

    def forward(self, ids_bs: Tensor, positions_bk: Tensor, *, padded: bool = False) -> Tensor:
        """Return what the decoder takes at the masked positions, (n, h), sample after sample.

        Args:
            ids_bs: int64, s at most max_length.
            positions_bk: int64, places in [0, s) that are to be guessed; a place may come twice.
            padded: samples may end in <pad>. Training never pads, and without a mask attention takes faster kernels.
        """
        x_bsh = self.encode(ids_bs, padded=padded)
        samples, length, width = x_bsh.shape
        starts_b1 = torch.arange(samples, device=ids_bs.device).unsqueeze(1) * length
        # index_select rather than indexing: its gradient is one addition of rows, without a sort.
        x_nh = x_bsh.reshape(-1, width).index_select(0, (positions_bk + starts_b1).flatten())
        head_nh: Tensor = self.head_norm(functional.gelu(self.head_dense(x_nh)))
        return head_nh

    def encode(self, ids_bs: Tensor, *, padded: bool = False) -> Tensor:
        """Return the hidden states of all tokens, (b, s, h); those of <pad> mean nothing."""
        mask_b11s = None
        if padded:
            real_bs = ids_bs != PAD
            places_bs = real_bs.cumsum(1) * real_bs + PAD
            mask_b11s = real_bs[:, None, None, :]
            position_embeddings = self.positions(places_bs)
        else:
            position_embeddings = self.positions.weight[FIRST_POSITION : FIRST_POSITION + ids_bs.shape[1]]
        x_bsh: Tensor = self.dropout(self.norm(self.words(ids_bs) + position_embeddings))
        if self.bf16_residual:
            x_bsh = x_bsh.bfloat16()
        for layer in self.layers:
            x_bsh = layer(x_bsh, mask_b11s)
        return x_bsh


class Layer(nn.Module):
    """Attention and feed-forward, each followed by dropout, residual addition and layer norm."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.rate = config.attention_dropout
        self.query_key_value = nn.Linear(config.hidden, 3 * config.hidden)  # one product instead of three
        self.attention_dense = nn.Linear(config.hidden, config.hidden)
        self.attention_norm = Norm(config)
        self.ffn_in = nn.Linear(config.hidden, config.ffn)
        self.ffn_out = nn.Linear(config.ffn, config.hidden)
        self.ffn_norm = Norm(config)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x_bsh: Tensor, mask_b11s: Tensor | None) -> Tensor:
        """Return the layer's output, (b, s, h); tokens where the mask is False are not attended to."""
        x_bsh = self.attention_norm(x_bsh + self.dropout(self.attention_dense(self._attend(x_bsh, mask_b11s))))
        x_bsf = functional.gelu(self.ffn_in(x_bsh))
        out_bsh: Tensor = self.ffn_norm(x_bsh + self.dropout(self.ffn_out(x_bsf)))
        return out_bsh

    def _attend(self, x_bsh: Tensor, mask_b11s: Tensor | None) -> Tensor:
        split = self.query_key_value(x_bsh).unflatten(-1, (3, self.heads, -1))
        query_basd, key_basd, value_basd = (part.squeeze(2).transpose(1, 2) for part in split.split(1, dim=2))
        rate = self.rate if self.training else 0.0
        out_basd = functional.scaled_dot_product_attention(
            query_basd, key_basd, value_basd, attn_mask=mask_b11s, dropout_p=rate
        )
        return out_basd.transpose(1, 2).flatten(2)


class Norm(nn.LayerNorm):
    """A layer norm of the residual stream, which keeps its type; autocast would return fp32 whatever it is given."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config.hidden, eps=LAYER_NORM_EPS)

    def forward(self, input: Tensor) -> Tensor:  # the base class names it so
        """Return the norm, reckoned in fp32 under autocast, in the type of what came."""
        return super().forward(input).to(input.dtype)


def _initialise(module: nn.Module, std: float) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=std)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
