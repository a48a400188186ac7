"""Batch normalisation in few passes over memory."""

from keras import ops


def normalized(inputs, weights, gamma, beta, epsilon, total=lambda sums: sums):
    """Batch statistics, and inputs normalised by them.

    Ioffe and Szegedy, "Batch Normalization" (2015), with the gradient of their
    section 3 written out: left to itself, a framework reads and writes arrays
    of the size of the inputs twice as often, and its sums over rows are slow.

    Args:
        inputs: float32 `(rows, channels)`.
        weights: float32 `(1, rows)`, 1 for rows that count and else 0.
        gamma, beta: float32 `(channels,)`.
        epsilon: float.
        total: function of a list of sums over these rows to the list of their
            totals, where the rows are a replica's share of the batch.

    Returns:
        Tuple of the outputs `(rows, channels)`, and mean and variance
        `(channels,)`, through which no gradient flows.
    """
    # Products with a row of factors are faster than sums over rows.
    values = ops.stop_gradient(inputs)
    count, mean = total([ops.sum(weights), ops.matmul(weights, values)])
    count = ops.maximum(count, 1.0)
    mean = mean / count
    centred = values - mean
    (variance,) = total([ops.matmul(weights, ops.square(centred))])
    variance = variance / count
    inverse = ops.rsqrt(variance + epsilon)

    @ops.custom_gradient
    def apply(inputs, gamma, beta):
        del inputs  # its gradient is that through mean and variance too
        outputs = centred * (inverse * gamma) + beta

        def gradient(*args, upstream=None):
            if upstream is None:
                (upstream,) = args
            ones = ops.ones_like(weights)
            for_beta = ops.matmul(ones, upstream)
            for_gamma = ops.matmul(ones, upstream * centred) * inverse
            # Of the statistics, which all rows share; gamma's and beta's own
            # gradients are those of these rows, as any variable's.
            all_beta, all_gamma = total([for_beta, for_gamma])
            through = all_beta / count + centred * (all_gamma * inverse / count)
            for_inputs = (upstream - through * ops.transpose(weights)) * (
                inverse * gamma
            )
            return for_inputs, for_gamma[0], for_beta[0]

        return outputs, gradient

    return apply(inputs, gamma, beta), mean[0], variance[0]
