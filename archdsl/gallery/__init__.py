"""The nets that are installed with archdsl, and the pages about them."""
