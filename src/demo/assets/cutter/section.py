"""{WORD}: level {LEVEL} of a document, numbered {SHOWN}."""

from cutter_agent.marker import Marker

MARKER = Marker(word="{WORD}", code="{CODE}", style="{STYLE}", level={LEVEL})
