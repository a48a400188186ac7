"""The paper's models at full size, as benchmarks build them."""

FEATURE_SIZES = (1024, 128)
# Family → encoder of the teacher, of the student, and the head of both.
FAMILIES = {
    "hrnn": (
        "hierarchical_lstm(block_length=20)",
        "hierarchical_lstm(block_length=5)",
        "logistic",
    ),
    "nextvlad": ("nextvlad", "nextvlad", "logistic"),
    "netvlad": (
        "netvlad",
        "netvlad",
        "mixture_of_experts(probability_gating=True)",
    ),
}
