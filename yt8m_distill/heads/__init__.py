"""From the representation to logits. One file a head."""
