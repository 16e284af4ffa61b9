"""Parsing and formatting: from text to the syntax tree and back."""
