"""The only code that waits: steps run in place, or awaited."""
