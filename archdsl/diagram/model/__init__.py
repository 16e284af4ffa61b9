"""The boxes and edges of a drawing, as data."""
