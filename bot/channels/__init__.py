"""Channels: each a folder that turns its own protocol into `Said` and a reply into its own form."""
