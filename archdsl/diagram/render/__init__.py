"""Drawings as DOT, SVG and other formats."""
