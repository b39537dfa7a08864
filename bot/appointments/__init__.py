"""Booking a doctor: what a resident asks for, and what the hospitals offer."""
