"""Conversations: what comes in, who answers, what goes out."""
