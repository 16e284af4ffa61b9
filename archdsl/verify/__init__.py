"""Running generated modules and comparing them with their graphs and with published models."""
