"""What centers decide together about green assets: classes, pauses, evidence that must not count."""
