"""The types of sections, one module each; a new module is found by itself."""

import importlib
import pkgutil

MARKERS = tuple(
    sorted(
        (importlib.import_module(f"{__name__}.{found.name}").MARKER for found in pkgutil.iter_modules(__path__)),
        key=lambda marker: (marker.level, marker.code),
    )
)


def begins(line):
    """The section that begins at this line, as (marker, number, title); None when none does."""
    for marker in MARKERS:
        found = marker.match(line)
        if found:
            return (marker, *found)
    return None
