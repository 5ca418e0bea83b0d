"""The list of a cut belongs to its units and to no others."""

import unittest

from cutter_agent.cutting import cut
from cutter_agent.manifest import BadManifest, digest, verify, write

TEXT = "Article 1  Seat\nHere.\nArticle 2  Name\nThis.\n"


class Manifest(unittest.TestCase):
    def setUp(self):
        self.units = cut("LAW", TEXT)
        self.list = write(self.units)

    def test_verifies_what_it_lists(self):
        verify(self.list, self.units)

    def test_order_does_not_matter(self):
        self.assertEqual(write(self.units[::-1]), self.list)

    def test_a_changed_body_is_found(self):
        self.units[0].body += "There.\n"
        self.assertRaises(BadManifest, verify, self.list, self.units)

    def test_title_and_body_do_not_run_into_each_other(self):
        first, second = cut("LAW", "Article 1  ab\nc\nArticle 2  a\nbc\n")
        self.assertNotEqual(digest(first), digest(second))
