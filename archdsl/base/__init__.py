"""Foundations: sources, shapes, symbolic numbers, Python expressions and files."""
