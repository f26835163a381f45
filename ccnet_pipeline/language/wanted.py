"""What `--languages` means, and which of these languages the models can give."""

from collections.abc import Iterable, Sequence

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.language.codes import CC100_CODES
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
    unknown = sorted((wanted or frozenset()) - CC100_CODES - frozenset(known))
    if unknown or wanted == frozenset():
        raise UserError(
            f"--languages {value!r}: unknown language {', '.join(map(repr, unknown)) or '(none given)'}; "
            'use codes of CC-100 or labels of the model such as "en,sw,zh-Hans", or "cc100", or "all"'
        )
    return wanted


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
