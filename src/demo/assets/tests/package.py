"""The suite: `python3 -m unittest discover` from the folder above."""
