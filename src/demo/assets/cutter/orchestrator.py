"""What this deployment is, and whether it may act.

A run of the cutter has five legs, always in this order:

    pre_write_backup    a backup of every table that will be written
    cut_leg_a           the units themselves
    leg_b_record        the record of the cut
    write_verify        a second role reads back what was written
    lifecycle_enact     the units become binding; this one cannot be undone

A sixth, compensate, records a counter-decision. It appends and never deletes.

Each leg is a method of the live adapter (cutter_agent.live_adapter), and each of
them asks execution_enabled() before it does anything else: before it looks at its
arguments, and long before it opens a connection. While the switch is off, a run is
a dry run, whatever else is configured. Anything but True counts as off: a switch
that cannot be read as a plain yes is a no.

The four constants below are read by people and by programs. They are plain
literals on purpose: nobody has to execute this file to know what it says.

    __version__             the release
    __milestone__           the last milestone that was ratified at the source
    __live_wiring__         how far the live adapter has been wired: written and staged,
                            never yet run against production
    __execution_enabled__   the switch

A constant that is wrong here is mended in the source repository and deployed; an
edit on the host would only make the deployed tree differ from its own list. Read
them by pattern, never by line number.
"""

__version__ = "0.6.0-O4-live-dryrun-orchestration"
__milestone__ = "O4"
__live_wiring__ = "O8A-authoring-staging"
__execution_enabled__ = False  # only a ruling of the approvers may flip this


def execution_enabled():
    """Tells whether live legs may run. Read at call time; only True itself means yes."""
    return __execution_enabled__ is True
