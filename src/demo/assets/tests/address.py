"""Addresses: one way to write each, and a way up."""

import unittest

from cutter_agent.address import BadAddress, parse

GOOD = {"collection": "ICX-CONST", "one_level": "LAW/ART-1", "three_levels": "ICX-CONST/PRT-1/CHA-2/ART-9999"}
BAD = {
    "empty": "", "lower_case": "law/ART-1", "no_collection": "/ART-1", "trailing_slash": "LAW/", "zero": "LAW/ART-0",
    "leading_zero": "LAW/ART-01", "blank": "LAW/ART -1", "too_large": "LAW/ART-10000",
    "double_dash": "ICX--CONST", "newline": "LAW/ART-1\n",
}


class RoundTrip(unittest.TestCase):
    pass


class Refused(unittest.TestCase):
    pass


class Family(unittest.TestCase):
    def test_child_and_parent(self):
        part = parse("LAW/PRT-1")
        self.assertEqual(part.child("ART", 3).parent, part)

    def test_nothing_above_a_collection(self):
        self.assertIsNone(parse("LAW").parent)

    def test_numbers_are_ordered_as_numbers(self):
        self.assertLess(parse("LAW/ART-9"), parse("LAW/ART-10"))

    def test_a_bad_child_is_refused(self):
        with self.assertRaises(BadAddress):
            parse("LAW").child("ART", 0)


def round_trips(text):
    return lambda self: self.assertEqual(str(parse(text)), text)


def refused(text):
    return lambda self: self.assertRaises(BadAddress, parse, text)


for label, text in GOOD.items():
    setattr(RoundTrip, f"test_{label}", round_trips(text))
for label, text in BAD.items():
    setattr(Refused, f"test_{label}", refused(text))
