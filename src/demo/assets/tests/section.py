"""{WORD}."""

import unittest

from cutter_agent.sections.{MODULE} import MARKER
from tests.marker_case import MarkerCase


class {WORD}(MarkerCase, unittest.TestCase):
    MARKER = MARKER


if __name__ == "__main__":
    unittest.main()
