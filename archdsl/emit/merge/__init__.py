"""Merges the forms of a block into one class: its uses are samples of the class, aligned by their origins."""
