"""Files of predictions. One file a format."""
