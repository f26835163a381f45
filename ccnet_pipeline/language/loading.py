"""The identification models of a run: where they lie, what they can give, and the identifier that they make."""

from dataclasses import dataclass
from pathlib import Path

from ccnet_pipeline.checksums import sha256_of
from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language import zawgyi
from ccnet_pipeline.language.codes import NOT_LANGUAGE, UNDETERMINED
from ccnet_pipeline.language.combination import read_rule
from ccnet_pipeline.language.fasttext_model import FastTextModel
from ccnet_pipeline.language.identifier import Judgement, ModelIdentifier, Second
from ccnet_pipeline.language.labels import CHINESE

ADDED = "added"  # our own model: the languages that lid.176 lacks, and their neighbours
NONE = "none"  # no second model
ADDED_FILE = Path(__file__).with_name("added.ftz")
_OPTION = "--second_lid_model"
CARD_SUFFIX = ".json"
# The scores at which our own model is asked were measured with lid.176.ftz, which is lid.176.bin made small.
_GENERAL_MODELS_OF_ADDED = ("lid.176.bin", "lid.176.ftz")


@dataclass(frozen=True, slots=True)
class LidModels:
    """The files of the models of a run."""

    general: Path
    second: Path | None = None
    card: Path | None = None  # of the second one; None: beside it

    @property
    def second_card(self) -> Path | None:
        """The card of the second model."""
        return self.card or (card_of(self.second) if self.second else None)

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that decides: the models, and the card of the second one."""
        return tuple(path for path in (self.general, self.second, self.second_card) if path)


@dataclass(frozen=True, slots=True)
class Offer:
    """The languages that a model can give."""

    model: str
    languages: frozenset[str]


@dataclass(frozen=True, slots=True)
class LoadedModels:
    """The models of a run, each loaded and found whole."""

    general: FastTextModel
    second: Second | None
    added: FastTextModel | None  # the model of `second`

    def identifier(self, judgement: Judgement) -> ModelIdentifier:
        return ModelIdentifier(self.general, self.second, judgement)

    def offers(self, *, tells_zawgyi: bool) -> list[Offer]:
        """Return what each model can give, in the order in which they are asked."""
        models = [self.general, *([self.added] if self.added else [])]
        offers = [Offer(model.name, _languages_of(model)) for model in models]
        if tells_zawgyi and any(zawgyi.BURMESE in offer.languages for offer in offers):
            offers.append(Offer(zawgyi.NAME, frozenset({zawgyi.ZAWGYI})))
        return offers


def with_second(general: Path, second: str | None, *, added_by_default: bool) -> LidModels:
    """Return the models of a run.

    Args:
        general: the file of the general one.
        second: a path, ADDED, or NONE; None: not said.
        added_by_default: then take our own, if it is there and was made for this general model.

    Raises:
        UserError: there is no such second model.
    """
    if second is None:
        is_there = added_by_default and general.name in _GENERAL_MODELS_OF_ADDED and ADDED_FILE.is_file()
        second = ADDED if is_there else NONE
    return LidModels(general, None if second == NONE else _find_second(second))


def _find_second(name_or_path: str) -> Path:
    path = ADDED_FILE if name_or_path == ADDED else Path(name_or_path)
    if not path.is_file():
        what = "it is not there; make models makes it" if name_or_path == ADDED else "no such file"
        raise UserError(f"{_OPTION} {name_or_path}: {what}; {_OPTION} {NONE} goes without")
    return path


def card_of(model: Path) -> Path:
    """Return where the card of a model lies."""
    return model.with_suffix(CARD_SUFFIX)


def load(models: LidModels) -> LoadedModels:
    """Load the models of a run.

    Raises:
        UserError: one is no model, or not whole; the second one has no card; both have the same name.
    """
    general = FastTextModel(models.general)
    if models.second is None:
        return LoadedModels(general, None, None)
    name = ADDED if models.second.absolute() == ADDED_FILE else models.second.name
    if general.name in (name, models.second.name):
        raise UserError(f"--lid_model and {_OPTION} are both called {general.name}; rename one")
    card = models.card or card_of(models.second)
    rule = read_rule(card)
    if rule.sha256 != sha256_of(models.second):
        raise UserError(f"{card} is not the card of {models.second}: it has another sha256")
    added = FastTextModel(models.second, name=name, option=_OPTION)
    return LoadedModels(general, Second(added, rule), added)


def _languages_of(model: FastTextModel) -> frozenset[str]:
    codes = model.codes() - {NOT_LANGUAGE, UNDETERMINED}
    return codes - {CHINESE} | {"zh-Hans", "zh-Hant"} if CHINESE in codes else codes
