"""Where the models of a run are, said so that any worker finds them: on its own disk, in its own package, by URL."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ccnet_pipeline.language import LidModels
from ccnet_pipeline.local_copies import local_copy, local_folder, portable


@dataclass(frozen=True, slots=True)
class ModelPlaces:
    """What `local_copies.portable` gave for each model."""

    general: str
    second: str | None
    card: str | None  # of the second one
    lm_dir: str | None

    @staticmethod
    def of(lid_models: LidModels, lm_dir: Path | None) -> ModelPlaces:
        """Return the places of models that this machine has found."""
        second, card = (portable(path) if path else None for path in (lid_models.second, lid_models.second_card))
        return ModelPlaces(portable(lid_models.general), second, card, portable(lm_dir) if lm_dir else None)

    def lid_models(self) -> LidModels:
        """Return the identification models on this machine; remote ones are fetched once."""
        return LidModels(
            local_copy(self.general, "--lid_model"),
            local_copy(self.second, "--second_lid_model") if self.second else None,
            local_copy(self.card, "--second_lid_model") if self.card else None,
        )

    def lm_folder(self) -> Path | None:
        """Return the folder of the language models on this machine; a remote one is fetched once."""
        return local_folder(self.lm_dir, "--lm_dir") if self.lm_dir else None
