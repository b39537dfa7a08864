"""The chat API over HTTP (docs/api.md)."""
