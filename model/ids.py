"""The ids that stand for no piece of text, as fairseq numbers them: the same in every vocabulary of an XLM-R."""

BOS, PAD, EOS, UNK = 0, 1, 2, 3
FIRST_PIECE = 4  # pieces of text begin here; <mask> is the last id of all
IDS_WITHOUT_PIECE = 2  # <pad> and <mask>: a vocabulary of 250 000 pieces has 250 002 ids
MASK = "<mask>"
IGNORED = -100  # a target that does not count in the loss
