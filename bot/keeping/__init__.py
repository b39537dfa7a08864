"""Keeping what residents said safe, and letting go of it: backup and restore, retention, export, erasure, notices."""
