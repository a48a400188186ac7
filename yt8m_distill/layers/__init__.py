"""Keras layers of video tagging, each usable alone in any Keras model."""

from yt8m_distill.layers.batch_normalization import BatchNormalization
from yt8m_distill.layers.context_gating import ContextGating
from yt8m_distill.layers.dequantize import Dequantize
from yt8m_distill.layers.frame_mask import frame_mask
from yt8m_distill.layers.hierarchical_lstm import HierarchicalLSTM
from yt8m_distill.layers.l2_normalize import l2_normalize
from yt8m_distill.layers.mixture_of_experts import MixtureOfExperts
from yt8m_distill.layers.netvlad import NetVLAD
from yt8m_distill.layers.nextvlad import NeXtVLAD
from yt8m_distill.layers.reverse_whitening import ReverseWhitening
from yt8m_distill.layers.squeeze_excitation_gating import (
    SqueezeExcitationGating,
)

__all__ = [
    "BatchNormalization",
    "ContextGating",
    "Dequantize",
    "HierarchicalLSTM",
    "MixtureOfExperts",
    "NeXtVLAD",
    "NetVLAD",
    "ReverseWhitening",
    "SqueezeExcitationGating",
    "frame_mask",
    "l2_normalize",
]
