"""What a net costs and sees, as data: tables, memory, receptive fields, explanations."""
