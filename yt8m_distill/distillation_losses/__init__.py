"""What a student learns from. One file a loss."""
