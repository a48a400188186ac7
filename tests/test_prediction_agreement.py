import numpy as np
import pytest

from yt8m_distill import prediction_agreement
from yt8m_distill.distillation_losses.prediction import PredictionLoss


def pair(num_videos=40, num_classes=9, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(0, 4, (2, num_videos, num_classes))


@pytest.mark.parametrize("videos_at_a_time", [7, 1024])
def test_divergence_is_the_mean_of_l_pred(videos_at_a_time, monkeypatch):
    monkeypatch.setattr(
        prediction_agreement, "VIDEOS_AT_A_TIME", videos_at_a_time
    )
    teacher, student = pair()
    p, q = (1 / (1 + np.exp(-logits)) for logits in (teacher, student))
    expected = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    found = prediction_agreement.bernoulli_divergence(teacher, student)
    assert found == pytest.approx(expected.sum(axis=1).mean(), abs=1e-9)
    losses = PredictionLoss()(
        {"logits": teacher.astype("float32")},
        {"logits": student.astype("float32")},
    )
    assert found == pytest.approx(float(np.mean(losses)), rel=1e-5)


def test_divergence_of_sure_models_is_finite():
    teacher = np.array([[300.0, -300.0]], np.float32)
    assert prediction_agreement.bernoulli_divergence(teacher, teacher) == 0
    found = prediction_agreement.bernoulli_divergence(teacher, -teacher)
    assert found == pytest.approx(600)


@pytest.mark.parametrize("k", [1, 5, 20])
def test_overlap_of_lists(k, monkeypatch):
    monkeypatch.setattr(prediction_agreement, "VIDEOS_AT_A_TIME", 16)
    first, second = pair()
    expected = [
        len(
            set(np.argsort(-one)[:k].tolist())
            & set(np.argsort(-other)[:k].tolist())
        )
        / min(k, 9)
        for one, other in zip(first, second)
    ]
    found = prediction_agreement.top_overlap(first, second, k)
    assert found == pytest.approx(np.mean(expected), abs=1e-12)


def test_rank_correlation_is_spearmans():
    from scipy.stats import spearmanr

    first, second = np.round(pair())  # many ties
    labels = np.random.default_rng(3).random(first.shape) < 0.3
    expected = spearmanr(first[labels], second[labels]).statistic
    found = prediction_agreement.rank_correlation(first, second, labels)
    assert found == pytest.approx(expected, abs=1e-12)
    # It knows no scale.
    found = prediction_agreement.rank_correlation(first, first**3, labels)
    assert found == pytest.approx(1, abs=1e-12)


def test_rank_correlation_of_nothing():
    first, second = pair()
    labels = np.zeros(first.shape, bool)
    labels[0, 0] = True
    for others in (labels, labels & False):
        found = prediction_agreement.rank_correlation(first, second, others)
        assert np.isnan(found)
    assert np.isnan(
        prediction_agreement.rank_correlation(first, 0 * second, labels | True)
    )
