"""All masks that are wanted, on a text or a document."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from ccnet_pipeline.documents import Document
from ccnet_pipeline.masking.addresses import ip_addresses
from ccnet_pipeline.masking.emails import emails
from ccnet_pipeline.masking.kinds import PLACEHOLDERS, Mask
from ccnet_pipeline.masking.phones import phones

# In this order: an e-mail address may have a number in it, and an IP address looks like one.
_FINDERS: Mapping[Mask, Callable[[str], Sequence[tuple[int, int]]]] = MappingProxyType(
    {"email": emails, "ip": ip_addresses, "phone": phones}
)


@dataclass(frozen=True, slots=True)
class Masker:
    """Puts placeholders into texts.

    >>> Masker(("email", "phone")).masked("Write to ann@example.org or call +49 30 1234567.")
    'Write to [mail] or call [phone].'
    """

    masks: tuple[Mask, ...]

    def masked(self, text: str) -> str:
        """Return a text with placeholders; where nothing is found, the text itself."""
        for mask, find in _FINDERS.items():
            if mask in self.masks and (places := find(text)):
                text = _replaced(text, places, PLACEHOLDERS[mask])
        return text

    def masked_document(self, document: Document) -> Document:
        """Return a document whose text and title are masked. Its URL stays: it says where the page is."""
        text, title = self.masked(document.text), self.masked(document.title)
        if text is document.text and title is document.title:
            return document
        return replace(document, text=text, title=title)


def _replaced(text: str, places: Sequence[tuple[int, int]], placeholder: str) -> str:
    parts, last = [], 0
    for begin, end in places:
        if end - begin >= len(placeholder):
            parts += [text[last:begin], placeholder]
            last = end
    return "".join([*parts, text[last:]])
