"""The list of a cut: one line for each unit, its digest and its address."""

import hashlib


class BadManifest(ValueError):
    """A list that does not belong to these units."""


def digest(unit):
    """SHA-256 over title and body, which cannot run into each other."""
    text = f"{len(unit.title)}:{unit.title}\n{unit.body}"
    return hashlib.sha256(text.encode()).hexdigest()


def write(units):
    """The list, in one order whatever the order of the units."""
    return "".join(sorted(f"{digest(unit)}  {unit.address}\n" for unit in units))


def verify(text, units):
    """Raises BadManifest unless the list names exactly these units with these digests."""
    wanted, have = set(text.splitlines()), set(write(units).splitlines())
    if wanted != have:
        raise BadManifest(f"{len(wanted - have)} missing or changed, {len(have - wanted)} unlisted or changed")
