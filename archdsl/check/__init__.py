"""Totals, assertions and advice."""
