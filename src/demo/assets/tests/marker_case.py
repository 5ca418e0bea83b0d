"""What every section marker has to do; each test_section_*.py runs it for one of them."""

from cutter_agent import numbering
from cutter_agent.cutting import cut
from cutter_agent.sections import MARKERS, begins


class MarkerCase:
    """Mixed into a TestCase that names its MARKER."""

    def test_first(self):
        self.assertEqual(self.MARKER.match(self.MARKER.line(1)), (1, ""))

    def test_tenth(self):
        self.assertEqual(self.MARKER.match(self.MARKER.line(10)), (10, ""))

    def test_title(self):
        self.assertEqual(self.MARKER.match(self.MARKER.line(2, "Of the seat")), (2, "Of the seat"))

    def test_title_needs_two_blanks(self):
        self.assertIsNone(self.MARKER.match(f"{self.MARKER.line(2)} Of the seat"))

    def test_no_number(self):
        self.assertIsNone(self.MARKER.match(self.MARKER.word))

    def test_lower_case_is_prose(self):
        self.assertIsNone(self.MARKER.match(self.MARKER.line(1).lower()))

    def test_indented_is_prose(self):
        self.assertIsNone(self.MARKER.match(" " + self.MARKER.line(1)))

    def test_in_a_sentence_is_prose(self):
        self.assertIsNone(self.MARKER.match(f"{self.MARKER.line(1)} applies."))

    def test_zero_cannot_be_written(self):
        with self.assertRaises(ValueError):
            self.MARKER.line(0)

    def test_other_numberings_are_prose(self):
        for style in set(numbering.PATTERNS) - {self.MARKER.style}:
            with self.subTest(style):
                line = f"{self.MARKER.word} {numbering.write(style, 2)}"
                self.assertIsNone(self.MARKER.match(line))

    def test_is_registered_and_alone_in_its_claim(self):
        self.assertEqual(begins(self.MARKER.line(3)), (self.MARKER, 3, ""))
        self.assertEqual([m for m in MARKERS if m.match(self.MARKER.line(3))], [self.MARKER])
        self.assertEqual([m.code for m in MARKERS].count(self.MARKER.code), 1)

    def test_does_not_hold_itself(self):
        units = cut("LAW", f"{self.MARKER.line(1)}\n{self.MARKER.line(2)}\n")
        self.assertEqual([len(unit.address.segments) for unit in units], [1, 1])

    def test_keeps_its_body(self):
        unit, = cut("LAW", f"{self.MARKER.line(1)}\nFirst.\n\nSecond.\n")
        self.assertEqual(unit.body, "First.\n\nSecond.\n")
