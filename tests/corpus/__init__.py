"""Any folder of templates, instrumented and judged: `python -m corpus FOLDER`."""
