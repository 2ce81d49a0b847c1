"""Edit a document's text in place: only what a change touches is rewritten."""
