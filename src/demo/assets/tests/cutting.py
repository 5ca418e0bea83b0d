"""Whole documents: every sample is cut into as many units as its name says, and nothing is lost."""

import pathlib
import unittest

from cutter_agent.cutting import BadDocument, cut

SAMPLES = sorted(pathlib.Path(__file__).resolve().parent.parent.joinpath("samples").glob("*.txt"))


class Samples(unittest.TestCase):
    pass


class Refused(unittest.TestCase):
    def test_text_before_the_first_section(self):
        with self.assertRaisesRegex(BadDocument, "line 1"):
            cut("LAW", "A law.\nArticle 1\n")

    def test_the_same_section_twice(self):
        with self.assertRaisesRegex(BadDocument, "LAW/ART-1 stands twice"):
            cut("LAW", "Article 1\nArticle 1\n")


def units_as_named(path):
    def test(self):
        units = cut("SAMPLE", path.read_text())
        self.assertEqual(len(units), int(path.stem.rsplit("-", 1)[1]))
        self.assertEqual(len({unit.address for unit in units}), len(units))

    return test


def nothing_is_lost(path):
    def test(self):
        text = path.read_text()
        units = cut("SAMPLE", text)
        markers = len(units)
        self.assertEqual(sum(unit.body.count("\n") for unit in units) + markers, len(text.splitlines()))
        self.assertTrue(all(unit.title for unit in units))

    return test


for path in SAMPLES:
    setattr(Samples, f"test_{path.stem}_units", units_as_named(path))
    setattr(Samples, f"test_{path.stem}_nothing_is_lost", nothing_is_lost(path))
