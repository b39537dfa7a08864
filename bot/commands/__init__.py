"""The commands of `bot`, one a file: each has `add(subparsers)` and a function that runs it."""
