import numpy as np
import pytest

from yt8m_distill.dataset import VideoDataset
from yt8m_distill.errors import InputError, RecordError
from yt8m_distill.shards import Shards
from yt8m_distill.unlabelled import WithUnlabelled


@pytest.fixture
def videos(synthetic_shards):
    return WithUnlabelled(
        Shards(f"{synthetic_shards}/train*"),
        Shards(f"{synthetic_shards}/validate*"),
    )


def test_labels_of_the_others_are_not_looked_at(videos):
    batch = VideoDataset(videos, 7, 12).read(range(len(videos)))
    assert len(videos) == 40 + 16
    weights = batch["label_weight"]
    np.testing.assert_allclose(weights, [56 / 40] * 40 + [0] * 16)
    assert batch["labels"][:40].any() and not batch["labels"][40:].any()
    assert len(set(batch["video_id"])) == 56
    assert videos.video_ids() == list(batch["video_id"])


def test_an_epoch_has_each_video_once_in_a_mixed_order(videos):
    order = videos.shuffled(0, 1)
    assert sorted(order) == list(range(56))
    np.testing.assert_array_equal(order, videos.shuffled(0, 1))
    assert (order != videos.shuffled(0, 2)).any()


def test_training_batches_say_which_have_labels(videos):
    batches = list(VideoDataset(videos, 7, 12).training_batches(8, 0, 1))
    assert len(batches) == 7
    for batch in batches:
        weights = batch["label_weight"].numpy()
        assert weights.mean() == pytest.approx(1)
        assert 5 <= (weights > 0).sum() <= 6  # each its share, 40 / 7


def test_without_unlabelled_videos_the_batch_is_as_ever(synthetic_shards):
    data = VideoDataset(Shards(f"{synthetic_shards}/train*"), 7, 12)
    (batch, *_) = data.training_batches(8, 0, 1)
    assert set(batch) == {"frames", "num_frames", "labels"}


def test_other_features_are_refused(synthetic_shards):
    with pytest.raises(InputError, match="both need the same"):
        WithUnlabelled(
            Shards(f"{synthetic_shards}/train*"),
            Shards(f"{synthetic_shards}/validate*", ["audio"]),
        )


def test_a_bad_record_is_named_in_its_own_file(videos):
    assert "validate" in str(videos.error(40, RecordError("x")))
    assert "train" in str(videos.error(39, RecordError("x")))
