"""Canonical addresses, such as ICX-CONST/PRT-1/ART-3: a collection, then one segment for each level."""

import re
from dataclasses import dataclass

_COLLECTION = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)*")
_SEGMENT = re.compile(r"([A-Z]{3})-([1-9][0-9]{0,3})")


class BadAddress(ValueError):
    """A text that is no canonical address."""


@dataclass(frozen=True, order=True)
class Address:
    collection: str
    segments: tuple = ()

    def child(self, code, number):
        return parse(f"{self}/{code}-{number}")

    @property
    def parent(self):
        """The address one level up; None above a collection."""
        return Address(self.collection, self.segments[:-1]) if self.segments else None

    def __str__(self):
        return "/".join([self.collection, *(f"{code}-{number}" for code, number in self.segments)])


def parse(text):
    """Reads an address; there is exactly one way to write each."""
    collection, *rest = text.split("/")
    if not _COLLECTION.fullmatch(collection):
        raise BadAddress(f"{collection!r} is no collection")
    segments = []
    for segment in rest:
        match = _SEGMENT.fullmatch(segment)
        if not match:
            raise BadAddress(f"{segment!r} is no segment")
        segments.append((match[1], int(match[2])))
    return Address(collection, tuple(segments))
