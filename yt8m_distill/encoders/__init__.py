"""From frames to one representation of the video. One file an encoder."""
