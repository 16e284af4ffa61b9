"""From the checked graph to the text of a PyTorch module."""
