"""The dry-run skeleton: it plans a cut and has no way to make one."""

__version__ = "0.4.0-dryrun-skeleton"
