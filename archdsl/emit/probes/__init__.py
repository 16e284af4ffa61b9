"""Probes: uses of blocks that no net has, which take the sides of tests that no use takes."""
