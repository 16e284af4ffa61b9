"""Passes over graphs: device assignment, moves between devices, tower fusion, and partition into processes."""
