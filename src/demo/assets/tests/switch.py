"""The switch: off, a plain literal, and read at call time."""

import ast
import inspect
import unittest
from unittest import mock

from cutter_agent import orchestrator


def literal(name):
    """The value of a constant as the source file states it."""
    for node in ast.parse(inspect.getsource(orchestrator)).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == name:
            return ast.literal_eval(node.value)
    raise KeyError(name)


class Switch(unittest.TestCase):
    def test_is_off(self):
        self.assertIs(orchestrator.execution_enabled(), False)

    def test_is_off_in_the_source(self):
        self.assertIs(literal("__execution_enabled__"), False)

    def test_is_read_at_call_time(self):
        with mock.patch.object(orchestrator, "__execution_enabled__", True):
            self.assertIs(orchestrator.execution_enabled(), True)
        self.assertIs(orchestrator.execution_enabled(), False)


class OnlyTrueIsOn(unittest.TestCase):
    pass


class Constants(unittest.TestCase):
    pass


def refuses(value):
    def test(self):
        with mock.patch.object(orchestrator, "__execution_enabled__", value):
            self.assertIs(orchestrator.execution_enabled(), False)

    return test


def is_plain(name):
    def test(self):
        self.assertEqual(literal(name), getattr(orchestrator, name))

    return test


for label, value in {"none": None, "one": 1, "text": "True", "list": [True]}.items():
    setattr(OnlyTrueIsOn, f"test_{label}", refuses(value))
for name in ("__version__", "__milestone__", "__live_wiring__", "__execution_enabled__"):
    setattr(Constants, f"test_{name.strip('_')}", is_plain(name))
