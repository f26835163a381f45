"""The languages of CC-100; the codes are those of https://data.statmt.org/cc-100."""

# The 116 codes of the CC-100 release. lid.176 has no label for 20 of them; zh serves two (docs/method.md, Language).
CC100_CODES = frozenset(
    """
    af am ar as az be bg bn bn_rom br bs ca cs cy da de el en eo es et eu fa ff fi fr fy ga gd gl gn gu ha he hi
    hi_rom hr ht hu hy id ig is it ja jv ka kk km kn ko ku ky la lg li ln lo lt lv mg mk ml mn mr ms my my_zaw ne nl
    no ns om or pa pl ps pt qu rm ro ru sa sc sd si sk sl so sq sr ss su sv sw ta ta_rom te te_rom th tl tn tr ug uk
    ur ur_rom uz vi wo xh yi yo zh-Hans zh-Hant zu
    """.split()
)
UNDETERMINED = "und"  # ISO 639-3, for text whose language is not known
