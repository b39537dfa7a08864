"""Small real things that stand where a part of the system would."""
