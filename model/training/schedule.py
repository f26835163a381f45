"""The learning rate by step, and from which step on two configurations train otherwise.

Sources: warm-up, linear and polynomial decay as in fairseq's RoBERTa recipes; wsd (warm-up, stable, decay) is of Hu et
al. 2024 (MiniCPM, arXiv 2404.06395), its form "sqrt" of Hägele et al. 2024 (arXiv 2405.18392).
"""

from model.config import TrainConfig

_OF_THE_RATE = ("steps", "schedule", "power", "decay_share", "decay_form")
_BY_STEP = ("alpha", "mask_share")


def learning_rate(config: TrainConfig, step: int) -> float:
    """Return the learning rate of a step, the first of which is 0.

    It rises evenly in `warmup` steps to the peak, stays there until `config.decay_start`, and falls to 0 after `steps`:
    "linear" evenly, "polynomial" with a power of the part of the fall that is left, "wsd" in one of two forms.
    """
    if step < config.warmup:
        return config.learning_rate * (step + 1) / config.warmup
    start = config.decay_start
    if start is None or step < start:
        return config.learning_rate
    return config.learning_rate * _left(config, (config.steps - step) / (config.steps - start))


def _left(config: TrainConfig, part: float) -> float:
    """Return the share of the peak when this part of the fall is left, 1 at its beginning."""
    if config.schedule == "wsd" and config.decay_form == "sqrt":
        return float(1 - (1 - part) ** 0.5)
    return float(part ** (config.power if config.schedule == "polynomial" else 1.0))


def conflicts(saved: TrainConfig, wanted: TrainConfig, done: int) -> list[str]:
    """Return what is wanted otherwise for the steps that are done, as `steps is 10, not 11`; [] if nothing.

    Only what settings of config.AHEAD decide is compared; config.differences has the others.
    """
    names = [name for name in _BY_STEP if _before(getattr(saved, name).same_until(getattr(wanted, name)), done)]
    if wanted.steps < done or _before(rates_differ_from(saved, wanted), done):
        names += _OF_THE_RATE
    pairs = [(name, getattr(saved, name), getattr(wanted, name)) for name in names]
    return [f"{name} is {old!r}, not {new!r}" for name, old, new in pairs if old != new]


def rates_differ_from(one: TrainConfig, other: TrainConfig) -> int | None:
    """Return how many first steps have the same learning rate by both configurations; None if all that both have."""
    if _fall(one) == _fall(other):
        return None
    return min(start for start in (one.decay_start, other.decay_start) if start is not None)


def _fall(config: TrainConfig) -> tuple[object, ...] | None:
    """Return what decides how the rate falls, None where it does not."""
    if config.decay_start is None:
        return None
    power = config.power if config.schedule == "polynomial" else 1.0
    form = config.decay_form if config.schedule == "wsd" else "linear"
    return config.decay_start, config.steps, power, form


def _before(step: int | None, done: int) -> bool:
    return step is not None and step < done
