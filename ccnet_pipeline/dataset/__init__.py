"""The dataset card of a run: README.md with the front matter that the Hugging Face hub and `datasets` read.

facts.py          what of run.json, manifest.json and ledger.json it is made of
front_matter.py   what programs read: one configuration a language, the types of the columns
card.py           what people read, and the whole

The card is a function of these three files alone: it can be written again at any time, and says what they say.
"""

from ccnet_pipeline.dataset.card import CARD_FILE, write_card

__all__ = ["CARD_FILE", "write_card"]
