"""Verification: runs generated modules and compares them with their graphs and with published models."""
