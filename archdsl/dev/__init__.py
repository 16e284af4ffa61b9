"""Commands for developers of archdsl: generated files and the structure of the code."""
