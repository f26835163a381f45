"""Whether a text is in the language that it is said to be in."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ccnet_pipeline.language.codes import LANGUAGES
from ccnet_pipeline.language.fasttext_model import FastTextModel
from ccnet_pipeline.language.labels import CHINESE
from ccnet_pipeline.language.loading import ADDED_FILE
from ccnet_pipeline.language.readable import for_identification
from ccnet_pipeline.models import cache_directory, find_model

_MOST_LOOKED_AT = 2000  # paragraphs
_SHORTEST, _LONGEST = 40, 1000  # characters; shorter ones tell little, of longer ones the beginning tells enough
_LEAST_SCORE = 0.8  # where a model hardly knows a language, it often takes it for others, and is not sure
_FEWEST = 20  # paragraphs; of fewer no share can be told
_MOST_STRAYS = 0.1


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
        UserError: there is no such model.
    """
    known = [cache_directory() / name for name in ("lid.176.ftz", "lid.176.bin")]
    fetched = [path for path in known if path.is_file()]
    general = [find_model(given)] if given else fetched[:1]
    return general + ([ADDED_FILE] if ADDED_FILE.is_file() else [])


def doubt_of(language: str, paragraphs: Sequence[str], models: Iterable[Path]) -> str | None:
    """Return what to say where much of a text is identified as another language; None where there is nothing to say.

    The first model that knows the language is asked. Neighbours of the language do not count: what a model takes for
    one of them tells of the model. Nor do answers of which it is not sure.
    """
    expected = {language, CHINESE} if language.startswith(CHINESE) else {language}
    model = next((model for model in map(FastTextModel, models) if expected & model.codes()), None)
    if model is None:
        return None
    expected |= set(LANGUAGES[language].neighbours) if language in LANGUAGES else set()
    texts = for_identification([paragraph.replace("\n", " ") for paragraph in paragraphs])
    found = Counter(best[0][0] for best in model.top(texts, 1) if best and best[0][1] >= _LEAST_SCORE)
    strays = Counter({code: count for code, count in found.items() if code not in expected})
    share = strays.total() / max(len(texts), 1)
    if len(texts) < _FEWEST or share <= _MOST_STRAYS:
        return None
    [(other, _)] = strays.most_common(1)
    return f"is it {language}? {model.name} takes {share:.0%} of the text for other languages, first of all {other}"
