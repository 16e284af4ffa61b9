"""The graph that every stage after elaboration works on."""
