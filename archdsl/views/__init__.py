"""Presentations of checked graphs other than diagrams: tables of stages, feature maps to scale, HTML pages."""
