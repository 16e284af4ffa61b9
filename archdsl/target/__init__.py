"""Requirements of the target of code generation, PyTorch, that earlier stages have to meet. It imports no torch."""
