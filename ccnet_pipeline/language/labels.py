"""What a label of a fastText model means: lid.176 says `sw`, GlotLID and OpenLID `swh_Latn`, our own model `sw`.

The table (codes.py) has the labels of each language by these rules:

1.  A label means the language that the release's code means: the standard where ISO 639-3 has several members of a
    macrolanguage and the models keep the others apart. `lv` is lvs_Latn and not ltg_Latn (Latgalian), `no` is nob_Latn
    and not nno_Latn (Nynorsk), `ku` is kmr_Latn and not ckb_Arab.
2.  Where there is no such standard, all members: the Quechuas are `qu`, the Fulas `ff`, the Guaranis `gn`, the Oromos
    `om`.
3.  Where models that had several labels were not able to tell them apart, and their next version has one, all of them:
    the Arabics of OpenLID v2 and GlotLID are `ar`, as ara_Arab of OpenLID v3 is; pes_Arab and prs_Arab are `fa`.
    (lid.176 knows `arz` and `azb`; both stay as they are, as they did when the release was made.)
4.  The script counts: hin_Latn is `hi_rom`, kmr_Cyrl is nothing of CC-100.
5.  The ISO 639-3 code alone of a language that CC-100 lacks is what lid.176 calls it: `nno` is `nn`, or two models
    would never agree on it. With a script, as in nno_Latn, it stays as it is.
6.  Chinese is one label, `zh`, whatever a model says of its script: characters decide (chinese.py).

Other models with labels of that form, such as NLLB's, are read by ISO 639-3 and script: zho_Hans, tgl_Latn.
"""

import functools
from collections.abc import Iterable

from ccnet_pipeline.language.codes import LANGUAGES, NOT_LANGUAGE, UNDETERMINED

CHINESE = "zh"
_WITHOUT_LANGUAGE = {f"{code}_": code for code in (NOT_LANGUAGE, UNDETERMINED)}  # zxx_Latn, und_Grek
# What lid.176 calls languages that CC-100 lacks, by ISO 639-3: ISO 639-1, also of those that it has no label for.
_TWO_LETTERS = dict(
    pair.split(":")
    for pair in """
    aar:aa abk:ab aka:ak arg:an ava:av aym:ay bak:ba bam:bm bih:bh bis:bi bod:bo cha:ch che:ce chv:cv cor:kw cos:co
    div:dv dzo:dz ewe:ee fao:fo fij:fj glv:gv hbs:sh ido:io iku:iu ile:ie ina:ia kal:kl kas:ks kau:kr kik:ki kin:rw
    kom:kv kon:kg ltz:lb mah:mh mlt:mt mri:mi nau:na nav:nv nbl:nr nde:nd ndo:ng nno:nn nya:ny oci:oc oss:os run:rn
    sag:sg sme:se smo:sm sna:sn sot:st tah:ty tat:tt tgk:tg tir:ti ton:to tso:ts tuk:tk twi:tw ven:ve vol:vo wln:wa
    """.split()
)


def code_of(label: str) -> str:
    """Return what a label without its prefix means: a CC-100 code, zh, zxx, und; another label stays as it is.

    >>> [code_of(label) for label in ("sw", "swh_Latn", "hin_Latn", "cmn_Hani", "zxx_Zzzz", "nno", "nno_Latn")]
    ['sw', 'sw', 'hi_rom', 'zh', 'zxx', 'nn', 'nno_Latn']
    """
    return _WITHOUT_LANGUAGE.get(label[:4]) or _codes().get(label, label)


def add_up(scored: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """Return what labels with scores mean, best first; the scores of labels with one meaning are added.

    >>> add_up([("pbt_Arab", 0.4), ("prs_Arab", 0.25), ("pes_Arab", 0.25), ("azb_Arab", 0.1)])
    [('fa', 0.5), ('ps', 0.4), ('azb_Arab', 0.1)]
    """
    sums: dict[str, float] = {}
    for label, score in scored:
        code = code_of(label)
        sums[code] = sums.get(code, 0.0) + score
    return sorted(sums.items(), key=lambda item: -item[1])


@functools.cache
def _codes() -> dict[str, str]:
    """Return the meaning of labels that are not what they mean."""
    by_script, by_table = {}, {}
    for language in LANGUAGES.values():
        code = CHINESE if language.iso639_3 == "zho" else language.code
        by_script.update({f"{language.iso639_3}_{script}": code for script in language.script})
        labels = (*language.lid176, *language.glotlid_v3, *language.openlid_v2, *language.openlid_v3)
        by_table.update({label: code for label in labels})
    return _TWO_LETTERS | by_script | by_table
