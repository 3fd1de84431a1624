"""Notifications: events to whoever subscribed at a hub, at least once, in order, signed."""
