"""Cuts documents into information units, each with an address and a digest of its own."""
