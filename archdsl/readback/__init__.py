"""Reads generated modules back from their text and compares them with the graph, without PyTorch."""
