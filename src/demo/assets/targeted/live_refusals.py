"""A listener counts connections: none while the switch is off, whatever is tried; one for each leg once it is on."""

import socket
import unittest
from unittest import mock

from cutter_agent import orchestrator
from cutter_agent.gate import StandIn, admit
from cutter_agent.live_adapter import LEGS, LiveAdapter, ProductionExecutionNotAuthorized


class Session:
    """The least that a leg needs of a connection."""

    def __init__(self, listener):
        self._socket = listener.connect()

    def execute(self, statement, parameters):
        return statement, parameters

    def close(self):
        self._socket.close()


class Listener:
    """Keeps the far end of every connection. They are connected pairs, so that no network is needed."""

    def __init__(self):
        self._queue = []

    def connect(self):
        near, far = socket.socketpair()
        self._queue.append(far)
        return near

    def close(self):
        for far in self._queue:
            far.close()

    def __len__(self):
        return len(self._queue)


class Listening(unittest.TestCase):
    def setUp(self):
        self.listener = Listener()
        self.addCleanup(self.listener.close)
        self.adapter = LiveAdapter(lambda: Session(self.listener))

    def connections(self):
        return len(self.listener)


class Refusals(Listening):
    pass


class Controls(Listening):
    pass


class StandIns(unittest.TestCase):
    pass


def refuses(leg):
    def test(self):
        with self.assertRaises(ProductionExecutionNotAuthorized):
            getattr(self.adapter, leg)("run-1")
        self.assertEqual(self.connections(), 0)

    return test


def refuses_when_asked_again(leg):
    def test(self):
        for attempt in range(3):
            with self.assertRaises(ProductionExecutionNotAuthorized):
                getattr(self.adapter, leg)(f"run-{attempt}")
        self.assertEqual(self.connections(), 0)

    return test


def refuses_a_switch_that_is_merely_true_like(leg):
    def test(self):
        with mock.patch.object(orchestrator, "__execution_enabled__", 1):
            with self.assertRaises(ProductionExecutionNotAuthorized):
                getattr(self.adapter, leg)("run-1")
        self.assertEqual(self.connections(), 0)

    return test


def connects_once(leg):
    def test(self):
        with mock.patch.object(orchestrator, "__execution_enabled__", True):
            getattr(self.adapter, leg)("run-1")
        self.assertEqual(self.connections(), 1)

    return test


def is_refused(stand_in):
    return lambda self: self.assertRaises(StandIn, admit, stand_in())


def replaced():
    adapter = LiveAdapter(None)
    adapter.cut_leg_a = print
    return adapter


for leg in LEGS:
    setattr(Refusals, f"test_{leg}", refuses(leg))
    setattr(Refusals, f"test_{leg}_again", refuses_when_asked_again(leg))
    setattr(Refusals, f"test_{leg}_true_like", refuses_a_switch_that_is_merely_true_like(leg))
    setattr(Controls, f"test_{leg}_connects_once", connects_once(leg))
for label, stand_in in {
    "subclass": lambda: type("Simulator", (LiveAdapter,), {})(None),
    "lookalike": lambda: type("LiveAdapter", (), dict.fromkeys(LEGS, print))(),
    "mock": lambda: mock.Mock(spec=LiveAdapter),
    "replaced_leg": replaced,
}.items():
    setattr(StandIns, f"test_{label}", is_refused(stand_in))
