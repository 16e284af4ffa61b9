"""archdsl from Python: compile, load, weights, the import hook and notebooks."""
