"""Facts about nets as data: tables of counts, memory, receptive fields, explanations, differences, input sizes."""
