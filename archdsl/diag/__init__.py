"""Messages for authors of nets: codes, diagnostics, and their renderers."""
