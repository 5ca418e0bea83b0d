"""Cuts a text into information units: one for each section, with its title and its own body."""

from dataclasses import dataclass

from cutter_agent.address import Address
from cutter_agent.sections import begins


class BadDocument(ValueError):
    """A text that cannot be cut without guessing."""


@dataclass
class Unit:
    address: Address
    title: str
    body: str


def cut(collection, text):
    """Returns the units in the order of the text. What stands before the first section is refused."""
    units, open_sections, seen = [], [], set()
    for number, line in enumerate(text.splitlines(), start=1):
        found = begins(line)
        if found is None:
            _add_to_body(units, line, number)
            continue
        marker, ordinal, title = found
        while open_sections and not open_sections[-1][0].holds(marker):
            open_sections.pop()
        above = open_sections[-1][1] if open_sections else Address(collection)
        address = above.child(marker.code, ordinal)
        if address in seen:
            raise BadDocument(f"line {number}: {address} stands twice")
        seen.add(address)
        open_sections.append((marker, address))
        units.append(Unit(address, title, ""))
    return units


def _add_to_body(units, line, number):
    if units:
        units[-1].body += f"{line}\n"
    elif line.strip():
        raise BadDocument(f"line {number}: text before the first section")
