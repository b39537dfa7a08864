"""From the assistant to a person: when the desk is open, who waits, who answers. Knows nothing of messages."""
