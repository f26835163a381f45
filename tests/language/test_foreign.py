"""What of a pool is not in the language of its name."""

from collections.abc import Sequence
from pathlib import Path

from ccnet_pipeline.language.fasttext_model import Scored
from ccnet_pipeline.language.foreign import sift
from ccnet_pipeline.language.pools import Pool


class ByFirstWord:
    """A model that believes what the first word of a text says of its language."""

    name = "by first word"

    def top(self, texts: Sequence[str], k: int, least: float = 0.0) -> list[list[Scored]]:
        return [[(text.split()[0], 0.9)] if text.split() else [] for text in texts]


def _sift(code: str, *paragraphs: str) -> tuple[tuple[tuple[str, ...], ...], int, str | None]:
    sifted = sift(Pool(code, Path(f"{code}.txt"), (paragraphs[:1], paragraphs[1:])), ByFirstWord())
    return sifted.pool.documents, sifted.left_out, sifted.warning()


def test_english_is_left_out_of_a_pool_whose_language_the_general_model_knows() -> None:
    assert _sift("de", "de eins und zwei", "en one", "de drei und vier") == (
        (("de eins und zwei",), ("de drei und vier",)),
        1,
        None,
    )


def test_of_a_language_that_the_general_model_lacks_its_english_is_believed_to_be_a_mistake() -> None:
    documents, left_out, warning = _sift("ff", "en one", "en two", "xx three")
    assert (len(documents), left_out) == (2, 0)
    assert warning == "ff.txt: 60% of it is identified as en; is it ff?"


def test_latin_paragraphs_are_left_out_of_a_pool_in_another_script() -> None:
    korean = "ko 모든 사람은 자유로운 존재로 태어났고 똑같은 존엄과 권리를 가진다"
    assert _sift("ko", korean, korean, "See page 3.") == (((korean,), (korean,)), 1, None)


def test_a_neighbour_is_no_reason_for_a_warning() -> None:
    assert _sift("bs", "hr jedan", "hr dva")[2] is None
    assert _sift("no", "nn ein", "nn to")[2] is None  # the table calls it nno, lid.176 nn
    assert _sift("nn", "no en", "no to")[2] is None
    assert _sift("bs", "de eins", "de zwei")[2] == "bs.txt: 100% of it is identified as de; is it bs?"


def test_a_pool_that_would_be_empty_stays_as_it_is() -> None:
    assert _sift("de", "de", "en")[0] == (("de",),)
    assert _sift("en", "en one", "en two")[:2] == ((("en one",), ("en two",)), 0)
