"""First step of a drawing: the boxes, clusters and edges of a model as data."""
