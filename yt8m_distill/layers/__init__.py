"""Keras layers of video tagging, each usable alone in any Keras model."""

from yt8m_distill.layers.context_gating import ContextGating
from yt8m_distill.layers.dequantize import Dequantize
from yt8m_distill.layers.frame_mask import frame_mask
from yt8m_distill.layers.l2_normalize import l2_normalize
from yt8m_distill.layers.netvlad import NetVLAD

__all__ = [
    "ContextGating",
    "Dequantize",
    "NetVLAD",
    "frame_mask",
    "l2_normalize",
]
