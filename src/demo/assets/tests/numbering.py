"""Numbers in three styles."""

import unittest

from cutter_agent import numbering

WRITTEN = {"arabic": {7: "7"}, "roman": {4: "IV", 1999: "MCMXCIX"}, "letter": {1: "(a)", 27: "(aa)"}}
REFUSED = {"arabic": ["0", "07"], "roman": ["IIII", "IC"], "letter": ["a"]}


class Numbers(unittest.TestCase):
    pass


def written(style, number, text):
    def test(self):
        self.assertEqual(numbering.write(style, number), text)
        self.assertEqual(numbering.read(style, text), number)

    return test


def refused(style, text):
    return lambda self: self.assertIsNone(numbering.read(style, text))


for style, cases in WRITTEN.items():
    for number, text in cases.items():
        setattr(Numbers, f"test_{style}_{number}", written(style, number, text))
for style, texts in REFUSED.items():
    for text in texts:
        setattr(Numbers, f"test_{style}_refuses_{text}", refused(style, text))
