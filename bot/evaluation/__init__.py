"""Measuring the product on frozen questions, through its front door."""
