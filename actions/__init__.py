"""The custom actions, thin: each turns what the pipeline understood into a plan. Run inside the app's process."""
