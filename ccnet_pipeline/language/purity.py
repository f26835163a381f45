"""Whether a text is in the language that it is said to be in."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ccnet_pipeline.language.fasttext_model import FastTextModel
from ccnet_pipeline.language.foreign import answers_of, mostly_another
from ccnet_pipeline.language.labels import CHINESE
from ccnet_pipeline.language.loading import ADDED_FILE
from ccnet_pipeline.models import cache_directory, find_model

_MOST_LOOKED_AT = 2000  # paragraphs, or up to twice as many
_SHORTEST, _LONGEST = 40, 1000  # characters; shorter ones tell little, of longer ones the beginning tells enough
_FEWEST = 20  # paragraphs; of fewer no share can be told
_ONE_CHINESE = "zh-Hans"  # the other is its neighbour


@dataclass(slots=True)
class EvenSample:
    """Paragraphs at even distances from all that pass, however many they are."""

    paragraphs: list[str] = field(default_factory=list)
    _distance: int = 1
    _passed: int = 0

    def watch(self, documents: Iterable[Sequence[str]]) -> Iterator[Sequence[str]]:
        """Hand documents on, and keep some of their paragraphs."""
        for document in documents:
            for paragraph in document:
                if len(paragraph) >= _SHORTEST:
                    self._pass(paragraph)
            yield document

    def _pass(self, paragraph: str) -> None:
        if self._passed % self._distance == 0:
            self.paragraphs.append(paragraph[:_LONGEST])
        self._passed += 1
        if len(self.paragraphs) >= 2 * _MOST_LOOKED_AT:
            self.paragraphs = self.paragraphs[::2]
            self._distance *= 2


def models_at_hand(given: str | None) -> list[Path]:
    """Return the models that can be asked: the one that is given, else one that was fetched before; and our own.

    Raises:
        UserError: the given one is not there, or is no such model: better told here than behind hours of training.
    """
    known = [cache_directory() / name for name in ("lid.176.ftz", "lid.176.bin")]
    fetched = [path for path in known if path.is_file()]
    general = [find_model(given)] if given else fetched[:1]
    if given:
        FastTextModel(*general)
    return general + ([ADDED_FILE] if ADDED_FILE.is_file() else [])


def doubt_of(language: str, paragraphs: Sequence[str], models: Iterable[Path]) -> str | None:
    """Return what to say where much of a text is identified as another language; None where there is nothing to say.

    The first model that knows the language is asked. A neighbour of the language does not count: what a model takes for
    one tells of the model. Nor do answers of which it is not sure.
    """
    label = CHINESE if language.startswith(CHINESE) else language
    model = next((model for model in map(FastTextModel, models) if label in model.codes()), None)
    if model is None or len(paragraphs) < _FEWEST:
        return None
    texts = [paragraph.replace("\n", " ") for paragraph in paragraphs]
    code = _ONE_CHINESE if language == CHINESE else language
    other, share = mostly_another(code, texts, answers_of(texts, model))
    return f"{share:.0%} of it is identified as {other} by {model.name}; is it {language}?" if other else None
