"""The line with which a section of one type begins."""

import re
from dataclasses import dataclass

from cutter_agent import numbering


@dataclass(frozen=True)
class Marker:
    """A word, a number in one style, and perhaps a title: `Article 3  Of the seat`."""

    word: str
    code: str
    style: str
    level: int

    def line(self, number, title=""):
        """Writes the line."""
        start = f"{self.word} {numbering.write(self.style, number)}"
        return f"{start}  {title}" if title else start

    def match(self, line):
        """Reads the line: (number, title), or None when a section of this type does not begin here."""
        pattern = rf"{self.word} ({numbering.PATTERNS[self.style]})(?:  (\S.*))?"
        found = re.fullmatch(pattern, line)
        if not found:
            return None
        number = numbering.read(self.style, found[1])
        return None if number is None else (number, found[2] or "")

    def holds(self, other):
        """Tells whether a section of the other type may stand inside one of this type."""
        return other.level > self.level
