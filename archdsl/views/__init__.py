"""Other views of a checked graph than the diagram: tables of stages, stacks of feature maps, pages, notebooks."""
