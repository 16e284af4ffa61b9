"""Third step of a drawing: DOT, SVG, and the engines that make images."""
