"""What `--languages` means, and which of these languages the models can give."""

from collections.abc import Iterable, Sequence

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language.codes import CC100_CODES, LANGUAGES
from ccnet_pipeline.language.labels import CHINESE, code_of
from ccnet_pipeline.language.loading import Offer


def wanted_languages(value: str) -> frozenset[str] | None:
    """Return the codes that `--languages` means: "all" (None), "cc100", or codes and labels separated by commas.

    >>> sorted(wanted_languages("swh_Latn, zh"))
    ['sw', 'zh-Hans', 'zh-Hant']
    """
    if value == "all":
        return None
    if value == "cc100":
        return CC100_CODES
    wanted = frozenset(code_of(label.strip()) for label in value.split(",") if label.strip())
    # Models have one label; what comes out is one of the two.
    return wanted - {CHINESE} | {"zh-Hans", "zh-Hant"} if CHINESE in wanted else wanted


def parse_languages(value: str, known: Iterable[str]) -> frozenset[str] | None:
    """Return `wanted_languages` after a check.

    Raises:
        UserError: no code, or one that is neither of CC-100 nor in `known`.
    """
    wanted = wanted_languages(value)
    unknown = (wanted or frozenset()) - CC100_CODES - frozenset(known)
    if unknown or wanted == frozenset():
        given = list(dict.fromkeys(label.strip() for label in value.split(",")))
        typed = [label for label in given if code_of(label) in unknown]
        raise UserError(
            f"--languages {value!r}: unknown language {', '.join(map(repr, typed)) or '(none given)'}; "
            f"{_meant(typed)}"
            'use codes of CC-100 or labels of the model such as "en,sw,zh-Hans", or "cc100", or "all"'
        )
    return wanted


def _meant(names: Sequence[str]) -> str:
    """Return the codes of languages that are called by their names or by ISO 639-3, for a message."""
    codes: dict[str, None] = {}
    for name in names:
        called = name.lower()
        codes.update(
            dict.fromkeys(
                language.code
                for language in LANGUAGES.values()
                if called in {language.name.lower(), language.native_name.lower(), language.iso639_3}
            )
        )
    return f"did you mean {', '.join(codes)}? " if codes else ""


def languages_not_offered(wanted: frozenset[str] | None, offers: Sequence[Offer]) -> list[str]:
    """Return those of the wanted languages that no model can ever give, sorted.

    Args:
        wanted: codes, as `parse_languages` returns them; None: whatever comes.
        offers: of the models in use.

    Raises:
        UserError: they can give none of them.

    >>> languages_not_offered(frozenset({"ha", "sw", "zh-Hant"}), [Offer("lid.bin", frozenset({"sw", "zh-Hant"}))])
    ['ha']
    """
    given = frozenset[str]().union(*(offer.languages for offer in offers))
    missing = sorted((wanted or frozenset()) - given)
    if wanted and len(missing) == len(wanted):
        languages = ", ".join(missing) if wanted != CC100_CODES else "cc100"
        models = " and ".join(offer.model for offer in offers)
        has = "has" if len(offers) == 1 else "have"
        raise UserError(
            f"--languages {languages}: {models} {has} no label for that, so nothing would come out; give another "
            f'--lid_model, or what is known: {", ".join(sorted(given)[:3])}, ..., or "all"'
        )
    return missing
