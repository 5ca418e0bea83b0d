"""The gate of a production run: only the live adapter itself passes, and nothing that resembles it."""

from cutter_agent.live_adapter import LEGS, LiveAdapter


class StandIn(TypeError):
    """Something other than the live adapter was handed to the gate."""


def admit(adapter):
    """Returns the adapter if it is the real one, with its own legs; raises StandIn otherwise."""
    if type(adapter) is not LiveAdapter:
        raise StandIn(f"{type(adapter).__name__} is not the live adapter")
    replaced = [leg for leg in LEGS if leg in vars(adapter)]
    if replaced:
        raise StandIn(f"legs were replaced on the instance: {', '.join(replaced)}")
    return adapter
