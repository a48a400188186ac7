"""The layers once more, in plain NumPy, frame by frame from the formulas.

Weights are dicts path → array, as `randomize` gives them.
"""

import numpy as np
from keras import ops


def randomize(layer, seed=0):
    """Random weights, so that no term hides behind a zero or a one.

    Returns:
        dict of the weights by name; a sublayer's by its name and theirs.
    """
    random = np.random.default_rng(seed)
    layer.set_weights(
        [random.uniform(0.2, 1.0, w.shape) for w in layer.get_weights()]
    )
    return {
        w.path.removeprefix(f"{layer.name}/"): ops.convert_to_numpy(w)
        for w in layer.weights
    }


def of_sublayer(w, name):
    """The weights of the sublayer with this name."""
    return {
        path.removeprefix(f"{name}/"): value
        for path, value in w.items()
        if path.startswith(f"{name}/")
    }


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def dense(x, w):
    return x @ w["kernel"] + w.get("bias", 0)


def batch_normalized(x, w, training, mask=None):
    """Batch normalisation, with statistics of the unmasked rows only."""
    real = x if mask is None else x[mask]
    axes = tuple(range(real.ndim - 1))
    mean, variance = (
        (real.mean(axes), real.var(axes))
        if training
        else (w["moving_mean"], w["moving_variance"])
    )
    return (x - mean) / np.sqrt(variance + 1e-3) * w["gamma"] + w["beta"]


def context_gating(x, w, training, remove_diagonal=False):
    return x * sigmoid(gate_logits(x, w, training, remove_diagonal))


def gate_logits(x, w, training, remove_diagonal=False):
    kernel = w["kernel"]
    if remove_diagonal:
        kernel = kernel * (1 - np.eye(len(kernel)))
    if "bias" in w:
        return x @ kernel + w["bias"]
    return batch_normalized(
        x @ kernel, of_sublayer(w, "normalization"), training
    )


def squeeze_excitation_gating(x, w, training):
    squeezed = batch_normalized(
        x @ w["squeeze_kernel"], of_sublayer(w, "normalization"), training
    )
    return x * sigmoid(np.maximum(squeezed, 0) @ w["excitation_kernel"])


def netvlad(frames, mask, w, training):
    logits = frames @ w["assignment_kernel"]
    if "assignment_bias" in w:
        logits = logits + w["assignment_bias"]
    else:
        logits = batch_normalized(
            logits, of_sublayer(w, "normalization"), training, mask
        )
    outputs = []
    for video, video_logits, video_mask in zip(frames, logits, mask):
        vlad = np.zeros(w["centres"].shape)
        for frame, row, real in zip(video, video_logits, video_mask):
            if real:
                vlad += softmax(row) * (frame[:, None] - w["centres"])
        flat = (vlad / np.linalg.norm(vlad, axis=0)).reshape(-1)
        outputs.append(flat / np.linalg.norm(flat))
    return np.array(outputs)


def nextvlad(frames, mask, w, training, groups):
    size, clusters = w["centres"].shape
    expanded = frames @ w["expansion_kernel"] + w["expansion_bias"]
    attention = sigmoid(expanded @ w["attention_kernel"] + w["attention_bias"])
    logits = batch_normalized(
        expanded @ w["assignment_kernel"],
        of_sublayer(w, "assignment_normalization"),
        training,
        mask,
    )
    outputs = []
    for video in range(len(frames)):
        vlad = np.zeros((size, clusters))
        for t in np.flatnonzero(mask[video]):
            for g in range(groups):
                group = expanded[video, t, g * size : (g + 1) * size]
                row = logits[video, t, g * clusters : (g + 1) * clusters]
                residual = group[:, None] - w["centres"]
                vlad += attention[video, t, g] * softmax(row) * residual
        outputs.append((vlad / np.linalg.norm(vlad, axis=0)).reshape(-1))
    return batch_normalized(
        np.array(outputs), of_sublayer(w, "output_normalization"), training
    )


def lstm_stack(sequence, layers):
    """The final states [c1, h1, c2, h2, …] of one sequence, `(steps, D)`."""
    states = []
    for w in layers:
        units = w["recurrent_kernel"].shape[0]
        cell, hidden, outputs = np.zeros(units), np.zeros(units), []
        for x in sequence:
            gates = x @ w["kernel"] + hidden @ w["recurrent_kernel"] + w["bias"]
            i, f, c, o = np.split(gates, 4)
            cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(c)
            hidden = sigmoid(o) * np.tanh(cell)
            outputs.append(hidden)
        sequence = outputs
        states += [cell, hidden]
    return states


def hierarchical_lstm(frames, mask, w, block_length, num_layers, output=False):
    """Representations of the videos, and of their blocks."""
    lower, upper = (
        [
            of_sublayer(w, f"{level}_lstm_{position}/lstm_cell")
            for position in range(num_layers)
        ]
        for level in ("lower", "upper")
    )

    def representation(sequence, layers):
        states = lstm_stack(sequence, layers)
        return states[-1] if output else np.concatenate(states)

    videos, all_blocks = [], []
    count = -(-frames.shape[1] // block_length)
    for video, real in zip(frames, mask):
        blocks = [
            representation(video[start:stop][real[start:stop]], lower)
            for start in range(0, count * block_length, block_length)
            for stop in [start + block_length]
        ]
        used = [
            block
            for start, block in enumerate(blocks)
            if real[start * block_length : (start + 1) * block_length].any()
        ]
        videos.append(representation(used, upper))
        all_blocks.append(blocks)
    return np.array(videos), np.array(all_blocks)


def mixture_of_experts(x, w, num_mixtures, training, gating=None):
    """Probabilities, class by class."""
    gates = dense(x, of_sublayer(w, "gates"))
    experts = dense(x, of_sublayer(w, "experts"))
    columns = []
    for c in range(experts.shape[-1] // num_mixtures):
        first = c * (num_mixtures + 1)
        weights = softmax(gates[:, first : first + num_mixtures + 1])
        says = sigmoid(experts[:, c * num_mixtures : (c + 1) * num_mixtures])
        columns.append((weights[:, :-1] * says).sum(-1))
    p = np.stack(columns, axis=-1)
    if gating is None:
        return p
    return p * sigmoid(
        gate_logits(
            p, of_sublayer(w, "gating"), training, gating == "no diagonal"
        )
    )
