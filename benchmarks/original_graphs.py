"""The training graphs of the original code, step by step, in TensorFlow 2.

What google/youtube-8m and its descendants compute in a training step, in their
order of operations and with the kernels that TensorFlow 1 chose: frames
dequantised to float32 by the reader, TF-slim's fused batch normalisation over
all frames, padding included, LSTMs block by block and frame by frame, gradients
clipped one by one, the fused Adam.

Not part of the package: what `training_step.py` compares with.
"""

import math

import tensorflow as tf


class OriginalGraph:
    """A training step of an original model.

    Args:
        forward: one of the functions below.
        num_classes: int.
    """

    def __init__(self, forward, num_classes):
        self._forward = forward
        self.num_classes = num_classes
        self.variables = {}
        self.penalties = []
        self._optimizer = tf.compat.v1.train.AdamOptimizer(1e-3)
        self.train_step = tf.function(self._train_step, autograph=False)

    def _train_step(self, batch):
        """Trains on one batch of the package's form; gives the loss."""
        self.penalties.clear()
        # utils.Dequantize and the padding to 300 frames, in the reader.
        frames = tf.cast(batch["frames"], tf.float32) * (4 / 255)
        frames += 4 / 512 - 2
        real = tf.sequence_mask(batch["num_frames"], tf.shape(frames)[1])
        frames = tf.where(real[..., None], frames, 0.0)
        frames = tf.nn.l2_normalize(frames, 2)
        predictions = self._forward(self, frames, batch["num_frames"])
        labels = batch["labels"]
        losses = labels * tf.math.log(predictions + 1e-5)
        losses += (1 - labels) * tf.math.log(1 - predictions + 1e-5)
        loss = tf.reduce_mean(tf.reduce_sum(-losses, 1))
        total = tf.add_n([loss, *self.penalties])
        variables = list(self.variables.values())
        gradients = [
            tf.clip_by_norm(gradient, 1.0)
            for gradient in tf.gradients(total, variables)
        ]
        update = self._optimizer.apply_gradients(zip(gradients, variables))
        with tf.control_dependencies([update] if update is not None else []):
            return tf.identity(loss)

    def weights(self, name, shape, stddev=None):
        """A trainable variable, made when first asked for."""
        if name not in self.variables:
            with tf.init_scope():
                if stddev is None:
                    stddev = math.sqrt(2 / sum(shape))
                self.variables[name] = tf.Variable(
                    tf.random.normal(shape, stddev=stddev), name=name
                )
        return self.variables[name]

    def zeros(self, name, size, value=0.0):
        """A trainable vector of one value."""
        if name not in self.variables:
            with tf.init_scope():
                self.variables[name] = tf.Variable(tf.fill([size], value))
        return self.variables[name]

    def batch_norm(self, values, name):
        """slim.batch_norm(center=True, scale=True) of (rows, channels)."""
        size = values.shape[1]
        normalised, _, _ = tf.compat.v1.nn.fused_batch_norm(
            values[:, None, None, :],
            self.zeros(f"{name}/gamma", size, 1.0),
            self.zeros(f"{name}/beta", size),
            epsilon=1e-3,
        )
        return tf.reshape(normalised, (-1, size))

    def fully_connected(self, values, name, size, bias=True, penalty=0.0):
        """slim.fully_connected without activation."""
        kernel = self.weights(f"{name}/kernel", (values.shape[1], size))
        if penalty:
            self.penalties.append(penalty * tf.nn.l2_loss(kernel))
        product = tf.matmul(values, kernel)
        return product + self.zeros(f"{name}/bias", size) if bias else product

    def logistic(self, values):
        """video_level_models.LogisticModel"""
        return tf.sigmoid(
            self.fully_connected(
                values, "logistic", self.num_classes, penalty=1e-8
            )
        )

    def mixture_of_experts(self, values, mixtures=2):
        """WILLOW's video_level_models.MoeModel with gating of probabilities"""
        gates = self.fully_connected(
            values,
            "gates",
            self.num_classes * (mixtures + 1),
            bias=False,
            penalty=1e-6,
        )
        experts = self.fully_connected(
            values, "experts", self.num_classes * mixtures, penalty=1e-6
        )
        gates = tf.nn.softmax(tf.reshape(gates, (-1, mixtures + 1)))
        experts = tf.sigmoid(tf.reshape(experts, (-1, mixtures)))
        probabilities = tf.reshape(
            tf.reduce_sum(gates[:, :mixtures] * experts, 1),
            (-1, self.num_classes),
        )
        return self.context_gating(probabilities, "probability_gating")

    def context_gating(self, values, name):
        """WILLOW's context gating with batch normalisation"""
        size = values.shape[1]
        gates = tf.matmul(
            values, self.weights(name, (size, size), 1 / math.sqrt(size))
        )
        return values * tf.sigmoid(self.batch_norm(gates, f"{name}_bn"))


# === frame_level_models of linrongc/youtube-8m ===


def nextvlad(graph, frames, num_frames):
    """NeXtVLADModel: groups 8, 128 clusters, hidden 2048, expansion 2."""
    video = _nextvlad(graph, frames[..., :1024], num_frames, "rgb", 128, 8)
    audio = _nextvlad(graph, frames[..., 1024:], num_frames, "audio", 64, 4)
    values = tf.nn.dropout(tf.concat([video, audio], 1), 0.5)
    hidden = graph.fully_connected(values, "hidden", 2048, bias=False)
    hidden = graph.batch_norm(hidden, "hidden_bn")
    gates = graph.fully_connected(hidden, "gate_1", 256, bias=False)
    gates = tf.nn.relu(graph.batch_norm(gates, "gate_1_bn"))
    gates = graph.fully_connected(gates, "gate_2", 2048, bias=False)
    return graph.logistic(hidden * tf.sigmoid(gates))


def _nextvlad(graph, frames, num_frames, name, clusters, groups):
    batch, max_frames, size = frames.shape
    expanded = 2 * size
    group_size = expanded // groups
    frames = graph.fully_connected(
        tf.reshape(frames, (-1, size)), f"{name}/expand", expanded
    )
    attention = graph.fully_connected(frames, f"{name}/attention", groups)
    attention = tf.reshape(tf.sigmoid(attention), (-1, max_frames, groups))
    mask = tf.sequence_mask(num_frames, max_frames, tf.float32)
    attention = attention * mask[..., None]
    attention = tf.reshape(attention, (-1, max_frames * groups, 1))
    activation = tf.matmul(
        frames,
        graph.weights(f"{name}/clusters", (expanded, groups * clusters)),
    )
    activation = graph.batch_norm(activation, f"{name}/cluster_bn")
    activation = tf.nn.softmax(
        tf.reshape(activation, (-1, max_frames * groups, clusters)), axis=-1
    )
    activation = activation * attention
    sums = tf.reduce_sum(activation, -2, keepdims=True)
    centres = sums * graph.weights(f"{name}/centres", (1, group_size, clusters))
    reshaped = tf.reshape(frames, (-1, max_frames * groups, group_size))
    vlad = tf.matmul(tf.transpose(activation, (0, 2, 1)), reshaped)
    vlad = tf.transpose(vlad, (0, 2, 1)) - centres
    vlad = tf.nn.l2_normalize(vlad, 1)
    vlad = tf.reshape(vlad, (-1, clusters * group_size))
    return graph.batch_norm(vlad, f"{name}/vlad_bn")


# === frame_level_models of antoine77340/Youtube-8M-WILLOW ===


def netvlad(graph, frames, num_frames):
    """NetVLADModelLF: 256 clusters, hidden 1024, gating, no relu."""
    batch, max_frames, size = frames.shape
    # utils.SampleRandomFrames: as many of the real frames, with replacement.
    shape = (tf.shape(frames)[0], max_frames)
    places = tf.random.uniform(shape) * tf.cast(num_frames, tf.float32)[:, None]
    videos = tf.tile(tf.range(shape[0])[:, None], (1, max_frames))
    frames = tf.gather_nd(
        frames, tf.stack([videos, tf.cast(places, tf.int32)], 2)
    )
    frames = graph.batch_norm(tf.reshape(frames, (-1, size)), "input_bn")
    video = _netvlad(graph, frames[:, :1024], max_frames, "rgb", 256)
    audio = _netvlad(graph, frames[:, 1024:], max_frames, "audio", 128)
    vlad = tf.concat([video, audio], 1)
    hidden = tf.matmul(
        vlad, graph.weights("hidden", (vlad.shape[1], 1024), 1 / 16)
    )
    hidden += graph.zeros("hidden_bias", 1024)
    return graph.mixture_of_experts(
        graph.context_gating(hidden, "context_gating")
    )


def _netvlad(graph, frames, max_frames, name, clusters):
    size = frames.shape[1]
    stddev = 1 / math.sqrt(size)
    activation = tf.matmul(
        frames, graph.weights(f"{name}/clusters", (size, clusters), stddev)
    )
    activation = graph.batch_norm(activation, f"{name}/cluster_bn")
    activation = tf.nn.softmax(activation)
    activation = tf.reshape(activation, (-1, max_frames, clusters))
    sums = tf.reduce_sum(activation, -2, keepdims=True)
    centres = sums * graph.weights(
        f"{name}/centres", (1, size, clusters), stddev
    )
    activation = tf.transpose(activation, (0, 2, 1))
    frames = tf.reshape(frames, (-1, max_frames, size))
    vlad = tf.transpose(tf.matmul(activation, frames), (0, 2, 1)) - centres
    vlad = tf.nn.l2_normalize(vlad, 1)
    return tf.nn.l2_normalize(tf.reshape(vlad, (-1, clusters * size)), 1)


# === frame_level_models of shwetabhardwaj44/
#     EfficientVideoClassification_Youtube8M ===


def hierarchical_lstm(graph, frames, num_frames):
    """HierarchicalLstmModel: two layers of 1024, in blocks of 20 frames."""
    length = 20
    states = []
    # The blocks one after the other, with the same weights.
    for start in range(0, frames.shape[1], length):
        real = tf.clip_by_value(num_frames - start, 0, length)
        block = frames[:, start : start + length]
        states.append(_dynamic_rnn(graph, block, real, "lower"))
    blocks = tf.cast(tf.math.ceil(num_frames / length), tf.int32)
    state = _dynamic_rnn(graph, tf.stack(states, 1), blocks, "upper")
    return graph.logistic(state)


def _dynamic_rnn(graph, sequences, lengths, name, units=1024, layers=2):
    """The final state of tf.nn.dynamic_rnn over stacked BasicLSTMCells."""
    steps = tf.transpose(sequences, (1, 0, 2))
    width = sequences.shape[2]
    kernels = []
    for layer in range(layers):
        shape = ((width if layer == 0 else units) + units, 4 * units)
        kernels.append(
            (
                graph.weights(f"{name}/{layer}/kernel", shape),
                graph.zeros(f"{name}/{layer}/bias", 4 * units),
            )
        )
    shortest = tf.reduce_min(lengths)
    longest = tf.reduce_max(lengths)

    def cells(values, states):
        found = []
        for (kernel, bias), (cell, hidden) in zip(kernels, states):
            gates = tf.matmul(tf.concat([values, hidden], 1), kernel) + bias
            enter, change, forget, leave = tf.split(gates, 4, 1)
            cell = cell * tf.sigmoid(forget + 1.0)
            cell += tf.sigmoid(enter) * tf.tanh(change)
            hidden = tf.tanh(cell) * tf.sigmoid(leave)
            found.append((cell, hidden))
            values = hidden
        return found

    def body(time, states):
        new = cells(steps[time], states)

        # Videos that have ended keep their state; asked for each video only
        # where some have ended.
        def kept():
            going = (time < lengths)[:, None]
            return tf.nest.map_structure(
                lambda one, other: tf.where(going, one, other), new, states
            )

        new = tf.cond(time < shortest, lambda: new, kept)
        return time + 1, new

    zeros = tf.zeros((tf.shape(sequences)[0], units))
    _, states = tf.while_loop(
        lambda time, _: time < longest,
        body,
        (tf.constant(0), [(zeros, zeros) for _ in range(layers)]),
        maximum_iterations=sequences.shape[1],
    )
    return tf.concat([part for pair in states for part in pair], 1)
