"""Foundations that know nothing of networks' graphs: sources, shapes, symbolic numbers, Python expressions, files."""
