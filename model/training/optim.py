"""The update: AdamW, clipping, and a guard that stops updates when the loss breaks.

Source: Loshchilov and Hutter 2019 (AdamW).
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.autograd.graph import increment_version

WINDOW = 100  # steps, of the mean that a spike is measured against


def make_optimizer(
    model: nn.Module, *, betas: tuple[float, float], eps: float, weight_decay: float
) -> torch.optim.AdamW:
    """Return AdamW in one kernel. Biases and LayerNorms, all parameters of one dimension, do not decay."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [parameter for parameter in parameters if parameter.ndim > 1], "weight_decay": weight_decay},
        {"params": [parameter for parameter in parameters if parameter.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=0.0, betas=betas, eps=eps, fused=True)


def clip_norm(parameters: Iterable[nn.Parameter], most: float) -> Tensor:
    """Scale the gradients so that their norm is at most `most` (0: any), and return the norm before, ()."""
    parameters = [parameter for parameter in parameters if parameter.grad is not None]
    norm = nn.utils.get_total_norm([parameter.grad for parameter in parameters if parameter.grad is not None])
    if most:
        nn.utils.clip_grads_with_norm_(parameters, most, norm)
    return norm


def update(optimizer: torch.optim.AdamW, stopped: Tensor, *, rate: float) -> None:
    """Take a step unless `stopped`, (), is 1, and drop the gradients. Nothing here waits for the device."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    # The flag by which a gradient scaler makes the fused kernel leave everything as it is.
    optimizer.found_inf = stopped  # type: ignore[attr-defined]
    optimizer.step()
    # It does not tell autograd what it has changed, and whoever keeps what was made of a weight asks there (Decoder).
    increment_version([parameter for group in optimizer.param_groups for parameter in group["params"]])
    optimizer.zero_grad(set_to_none=True)


class Guard:
    """Stops all updates from the step on whose loss or gradient is not finite, or whose loss is a spike.

    A spike is a loss above the mean of the last 100 steps plus a threshold. The decision is taken on the device, so
    the host may learn of it some steps later, and finds the weights as they were before the broken step.
    """

    def __init__(self, device: torch.device, threshold: float) -> None:
        """Begin with no history; a threshold of 0 looks for no spikes, in nats otherwise."""
        self.stopped = torch.zeros((), device=device)  # 1: no more updates
        self.losses_w = torch.zeros(WINDOW, device=device)  # of the last steps; step t stands in place t mod 100
        self._threshold = threshold

    def check(self, step: int, loss: Tensor, norm: Tensor) -> Tensor:
        """Look at loss and gradient of a step, counted from 0, before its update.

        Returns:
            The mean loss of the last steps with this one, (); a step that is stopped is not taken into it.
        """
        known = min(step, WINDOW)
        broken = ~(torch.isfinite(loss) & torch.isfinite(norm))
        if self._threshold and known == WINDOW:
            broken |= loss > self.losses_w.mean() + self._threshold
        self.stopped.copy_(torch.maximum(self.stopped, broken))
        place = step % WINDOW
        self.losses_w[place] = torch.where(self.stopped > 0, self.losses_w[place], loss)
        return self.losses_w[: known + 1].mean()
