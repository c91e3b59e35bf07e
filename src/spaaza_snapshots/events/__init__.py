"""The events on the event bus."""
