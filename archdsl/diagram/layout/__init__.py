"""Second step of a drawing: columns, and positions that Graphviz does not choose well."""
