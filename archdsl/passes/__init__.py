"""Passes over checked graphs: devices for all steps, the transfers between them, and one layer for those of towers."""
