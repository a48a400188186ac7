"""Which frames of a video are looked at. One file a sampler."""
