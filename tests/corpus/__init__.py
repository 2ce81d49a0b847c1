"""Instrument a folder of templates and verify the outputs: `python -m corpus FOLDER`."""
