import numpy as np
import tensorflow as tf

from tests.test_model import batch, small
from yt8m_distill import model
from yt8m_distill.video_ensemble import VideoEnsemble, as_one


def test_an_ensemble_predicts_the_mean_prediction(tmp_path):
    members = [small(), small()]
    ensemble = as_one(dict(enumerate(members)), 6)
    videos = {
        "frames": batch()["frames"],
        "num_frames": np.int32([3, 1, 2, 3]),
    }
    probabilities = [
        tf.sigmoid(member(videos)["logits"]).numpy() for member in members
    ]
    mean = np.mean(probabilities, axis=0)
    outputs = ensemble(videos)
    np.testing.assert_allclose(
        tf.sigmoid(outputs["logits"]), mean, rtol=1e-4, atol=1e-6
    )
    assert outputs["representation"].shape == (4, 8)
    assert ensemble.count_flops() == 2 * members[0].count_flops()
    assert ensemble.frame_sampler.k == 3
    path = str(tmp_path / "ensemble.keras")
    model.save(ensemble, path)
    loaded = model.load(path)
    np.testing.assert_allclose(
        loaded(videos)["logits"], outputs["logits"], atol=1e-5
    )


def test_members_of_an_ensemble_may_look_at_other_frames():
    members = [small("uniform(k=3)"), small("all_frames")]
    ensemble = VideoEnsemble(members)
    videos = {
        "frames": batch(300)["frames"],
        "num_frames": np.int32([6, 1, 2, 300]),
    }
    expected = np.mean(
        [
            tf.sigmoid(member(member.frame_sampler(videos))["logits"])
            for member in members
        ],
        axis=0,
    )
    np.testing.assert_allclose(
        tf.sigmoid(ensemble(videos)["logits"]), expected, rtol=1e-4, atol=1e-6
    )


def test_one_model_is_no_ensemble():
    only = small()
    assert as_one({"a": only}, 6) is only


def test_an_ensemble_of_all_frames_takes_those_of_the_data():
    members = [small("uniform(k=2)"), small("uniform(k=3)")]
    ensemble = VideoEnsemble(members, 6)
    assert ensemble.frame_sampler.k == 6
    # Frames 1, 4 and 1, 3, 5
    assert ensemble.num_frames == 4
    assert VideoEnsemble([members[0], small("uniform(k=2)")], 6).num_frames == 2
