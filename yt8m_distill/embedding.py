"""Points in the plane for vectors, near where those are near."""

import numpy as np

# Dimensions that t-SNE looks at; what is beyond is mostly noise.
MOST_DIMENSIONS = 50
PERPLEXITY = 30


def embed(vectors):
    """t-SNE of the principal components, the same for the same vectors.

    Args:
        vectors: float `(count, dim)`, at least two different ones.

    Returns:
        float32 `(count, 2)`.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    vectors = np.asarray(vectors, np.float64)
    components = min(MOST_DIMENSIONS, *vectors.shape)
    reduced = PCA(components, svd_solver="full").fit_transform(vectors)
    tsne = TSNE(
        init="pca" if components > 1 else "random",
        # It has to be below the number of points.
        perplexity=min(PERPLEXITY, (len(vectors) - 1) / 3),
        random_state=0,
    )
    # Its threads wait for each other so often that on a busy machine they take
    # several times as long as one.
    with threadpool_limits(1):
        return tsne.fit_transform(reduced)
