"""What goes over the event bus."""
