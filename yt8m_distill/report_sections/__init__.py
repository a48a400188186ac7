"""What a report says of runs. One file a section."""
