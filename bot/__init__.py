"""Linli: an assistant for the foreign residents of a Chinese city."""
