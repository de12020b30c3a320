"""Pages that people read: an item's journey, and the ladder of checks of one event."""
