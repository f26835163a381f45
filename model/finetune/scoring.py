"""What a network is worth on the examples of some languages."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from model.finetune.task import DEV, TEST, AnyTask, Data, Encoding, Features, Output, Source

Precision = Literal["fp32", "bf16"]
_ROWS = 64  # of a batch


@dataclass(frozen=True, slots=True)
class Scorer:
    """A network with all that its answers take."""

    task: AnyTask
    network: nn.Module
    source: Source
    encoding: Encoding
    device: torch.device
    precision: Precision

    def score(self, examples: Sequence[Any]) -> Mapping[str, float]:
        """Return the metrics of examples of one language and split."""
        features = self.task.features(examples, self.source.tokenizer, self.encoding)
        return self.task.score(examples, features, self._outputs(features), self.encoding)

    def score_all(self, data: Data[Any]) -> dict[str, Mapping[str, float]]:
        """Return the metrics of each language by name: on its test split, on dev where it has no other."""
        return {language: self.score(data.examples[language][split]) for language, split in splits(data).items()}

    @torch.inference_mode()
    def _outputs(self, features: Sequence[Features]) -> list[Output]:
        self.network.eval()
        # Rows of like length together: less padding.
        order = sorted(range(len(features)), key=lambda place: -len(features[place].input_ids))
        outputs: dict[int, Output] = {}
        for start in range(0, len(order), _ROWS):
            places = order[start : start + _ROWS]
            batch = self.task.collate([features[place] for place in places], self.source.tokenizer, self.encoding)
            outputs |= dict(zip(places, _by_row(self._run(batch), len(places)), strict=True))
        return [outputs[place] for place in range(len(features))]

    def _run(self, batch: Mapping[str, Tensor]) -> Mapping[str, Any]:
        with autocast(self.device, self.precision):
            answer: Mapping[str, Any] = self.network(**to_device(batch, self.device))
        return answer


def _by_row(answer: Mapping[str, Any], rows: int) -> Iterator[Output]:
    named = {name: value for name, value in answer.items() if isinstance(value, Tensor) and name != "loss"}
    arrays = {name: value.float().cpu().numpy() for name, value in named.items()}
    for row in range(rows):
        yield {name: array[row] for name, array in arrays.items()}


def splits(data: Data[Any]) -> dict[str, str]:
    """Return for each language that can be scored the split that is: test, or dev where there is no other."""
    found = {}
    for language in sorted(data.examples):
        for split in (TEST, DEV):
            if data.examples[language].get(split):
                found[language] = split
                break
    return found


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """Return the context in which products are taken in bf16, or as they are."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def to_device(batch: Mapping[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """Return a batch on a device; a copy to a GPU does not wait."""
    pin = device.type == "cuda"
    return {name: (value.pin_memory() if pin else value).to(device, non_blocking=pin) for name, value in batch.items()}
