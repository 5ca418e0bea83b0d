"""Targeted proofs: `python3 -m unittest discover -t . -s targeted -p 'live_*.py'` from the folder above."""
