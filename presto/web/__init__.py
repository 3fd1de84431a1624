"""The HTTP server: one application over all APIs, and the guards in front of it."""
