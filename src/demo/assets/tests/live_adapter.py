"""The live adapter refuses every leg while the switch is off, before it does anything else."""

import unittest
from unittest import mock

from cutter_agent import orchestrator
from cutter_agent.live_adapter import LEGS, LiveAdapter, ProductionExecutionNotAuthorized


class Off(unittest.TestCase):
    pass


class On(unittest.TestCase):
    """With the switch on - in memory only - a leg does open its connection, or the tests above prove nothing."""


def refuses(leg):
    def test(self):
        provider = mock.Mock()
        with self.assertRaisesRegex(ProductionExecutionNotAuthorized, leg):
            getattr(LiveAdapter(provider), leg)("run-1")
        provider.assert_not_called()

    return test


def refuses_before_its_arguments(leg):
    def test(self):
        with self.assertRaises(ProductionExecutionNotAuthorized):
            getattr(LiveAdapter(None), leg)("")

    return test


def connects_and_closes(leg):
    def test(self):
        provider = mock.Mock()
        with mock.patch.object(orchestrator, "__execution_enabled__", True):
            getattr(LiveAdapter(provider), leg)("run-1")
        provider.assert_called_once_with()
        provider.return_value.close.assert_called_once_with()

    return test


def needs_a_run(leg):
    def test(self):
        provider = mock.Mock()
        with mock.patch.object(orchestrator, "__execution_enabled__", True):
            with self.assertRaises(ValueError):
                getattr(LiveAdapter(provider), leg)("")
        provider.assert_not_called()

    return test


for leg in LEGS:
    setattr(Off, f"test_{leg}_refuses", refuses(leg))
    setattr(Off, f"test_{leg}_refuses_before_its_arguments", refuses_before_its_arguments(leg))
    setattr(On, f"test_{leg}_connects_and_closes", connects_and_closes(leg))
    setattr(On, f"test_{leg}_needs_a_run", needs_a_run(leg))
