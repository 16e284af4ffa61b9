"""What is said to the author of a net: codes, diagnostics, and their renderers."""
