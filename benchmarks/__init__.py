"""What the system takes: time, memory and rate, measured beside Rasa's own starter bot. See README.md."""
