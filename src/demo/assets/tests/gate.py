"""The gate admits the live adapter and none of its stand-ins."""

import unittest
from unittest import mock

from cutter_agent.gate import StandIn, admit
from cutter_agent.live_adapter import LEGS, LiveAdapter


class Gate(unittest.TestCase):
    def test_admits_the_real_one(self):
        adapter = LiveAdapter(None)
        self.assertIs(admit(adapter), adapter)

    def test_refuses_a_subclass(self):
        with self.assertRaises(StandIn):
            admit(type("Simulator", (LiveAdapter,), {})(None))

    def test_refuses_a_lookalike(self):
        with self.assertRaises(StandIn):
            admit(type("LiveAdapter", (), {leg: print for leg in LEGS})())

    def test_refuses_a_mock(self):
        with self.assertRaises(StandIn):
            admit(mock.Mock(spec=LiveAdapter))

    def test_refuses_a_replaced_leg(self):
        adapter = LiveAdapter(None)
        adapter.write_verify = print
        with self.assertRaisesRegex(StandIn, "write_verify"):
            admit(adapter)
