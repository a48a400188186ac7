"""From quantised frames to what the encoder sees. One file a convention."""
