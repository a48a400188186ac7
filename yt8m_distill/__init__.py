"""Video tagging with few frames: teachers that see all, students that see k."""

__version__ = "0.1.0"
