"""Whatever is written is read as it was; whatever is damaged is refused."""

import functools
import tempfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import load_tool
from yt8m_distill import parts, record_writer, tfrecord
from yt8m_distill.dataset import VideoDataset
from yt8m_distill.errors import InputError, RecordError
from yt8m_distill.shards import Shards
from yt8m_distill.skipped_records import SkippedRecords

SIZES = {"rgb": 3, "audio": 2}
NUM_CLASSES = 400
MAX_FRAMES = 12
SAMPLERS = [
    "all_frames",
    *(f"{name}(k=4)" for name in ("uniform", "random", "first", "middle")),
    *(f"{name}(k=4)" for name in ("last", "first_middle_last")),
    "every_nth(stride=3)",
    "jittered_uniform(k=4)",
]

videos = st.lists(
    st.tuples(
        st.binary(min_size=1, max_size=200),  # id
        st.sets(st.integers(0, NUM_CLASSES - 1), max_size=5),
        st.integers(1, 15),  # rgb frames
        st.integers(1, 15),  # audio frames
        st.sampled_from(["id", "video_id"]),
    ),
    min_size=1,
    max_size=6,
)


def write(path, given_videos):
    """Writes the videos; returns ids, labels and features of each."""
    random = np.random.default_rng(0)
    key = given_videos[0][4]
    written = []
    for video_id, labels, num_rgb, num_audio, _ in given_videos:
        features = {
            "rgb": random.integers(0, 256, (num_rgb, 3), np.uint8),
            "audio": random.integers(0, 256, (num_audio, 2), np.uint8),
        }
        written.append((video_id, sorted(labels), features))
    record_writer.write_shard(
        path,
        [record_writer.serialize(*video, id_key=key) for video in written],
    )
    return written


def padded(frames, num_frames):
    """As the reader pads a feature that is shorter than the first."""
    missing = max(0, num_frames - len(frames))
    return np.pad(
        frames[:num_frames], ((0, missing), (0, 0)), constant_values=127
    )


@pytest.mark.parametrize("spec", SAMPLERS)
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(given_videos=videos, training=st.booleans(), seed=st.integers(0, 99))
def test_what_is_written_is_read(spec, given_videos, training, seed):
    sampler = parts.get("frame_samplers", spec)
    with tempfile.TemporaryDirectory() as folder:
        written = write(f"{folder}/a", given_videos)
        dataset = VideoDataset(
            Shards(f"{folder}/a", list(SIZES), list(SIZES.values())),
            NUM_CLASSES,
            MAX_FRAMES,
            sampler,
        )
        batch = dataset.read(np.arange(len(written)), training, seed)
    total = np.array(
        [min(len(f["rgb"]), MAX_FRAMES) for _, _, f in written], np.int32
    )
    chosen = np.asarray(sampler.indices(total, training, seed))
    counts = np.asarray(sampler.num_chosen(total))
    np.testing.assert_array_equal(batch["num_frames"], counts)
    for row, (video_id, labels, features) in enumerate(written):
        assert batch["video_id"][row] == video_id
        assert np.flatnonzero(batch["labels"][row]).tolist() == labels
        whole = np.concatenate(
            [padded(values, total[row]) for values in features.values()], 1
        )
        wanted = whole[chosen[row, : counts[row]]]
        frames = batch["frames"][row]
        np.testing.assert_array_equal(frames[: counts[row]], wanted)
        assert not frames[counts[row] :].any()


@settings(max_examples=15, deadline=None, derandomize=True)
@given(given_videos=videos)
def test_selected_frames_are_those_the_student_would_read(given_videos):
    tool = load_tool("select_frames")
    spec = "uniform(k=4)"
    with tempfile.TemporaryDirectory() as folder:
        write(f"{folder}/a", given_videos)
        tool.rewrite(
            f"{folder}/a",
            f"{folder}/out",
            spec,
            MAX_FRAMES,
            feature_names=list(SIZES),
            feature_sizes=list(SIZES.values()),
        )
        batches = [
            VideoDataset(
                Shards(path, list(SIZES), list(SIZES.values())),
                NUM_CLASSES,
                MAX_FRAMES,
                parts.get("frame_samplers", spec),
            ).read(np.arange(len(given_videos)))
            for path in (f"{folder}/a", f"{folder}/out/a")
        ]
    for key in ("num_frames", "labels", "video_id", "frames"):
        np.testing.assert_array_equal(batches[0][key], batches[1][key])


# --- damage ---------------------------------------------------------------

NUM_MUTANTS = 10_000
RECORDS = 4


@functools.cache
def good_shard():
    """Bytes of a shard, and the batch it holds."""
    random = np.random.default_rng(5)
    with tempfile.TemporaryDirectory() as folder:
        record_writer.write_shard(
            f"{folder}/a",
            [
                record_writer.serialize(
                    f"vid{number}",
                    [number, 200],
                    {
                        name: random.integers(0, 256, (5, size), np.uint8)
                        for name, size in SIZES.items()
                    },
                )
                for number in range(RECORDS)
            ],
        )
        with open(f"{folder}/a", "rb") as opened:
            data = opened.read()
        return data, read_shard(f"{folder}/a", False)


def read_shard(path, verify, skipped=None):
    shards = Shards(
        path,
        list(SIZES),
        list(SIZES.values()),
        verify_checksums=verify,
        skipped=skipped,
    )
    return VideoDataset(shards, NUM_CLASSES, MAX_FRAMES).read(
        np.arange(len(shards))
    )


def mutated(data, random):
    """A shard with one kind of damage."""
    data = bytearray(data)
    kind = random.integers(6)
    at = int(random.integers(len(data)))
    if kind == 0:  # a bit
        data[at] ^= 1 << int(random.integers(8))
    elif kind == 1:  # the end is missing
        del data[at:]
    elif kind == 2:  # a huge number
        data[at : at + 5] = b"\xff\xff\xff\xff\x7f"
    elif kind == 3:  # some bytes of chance
        size = int(random.integers(1, 30))
        data[at : at + size] = random.bytes(size)
    elif kind == 4:  # a part is missing
        del data[at : at + int(random.integers(1, 40))]
    else:  # a part is there twice
        data[at:at] = data[at : at + int(random.integers(1, 40))]
    return bytes(data)


def reframed(data, random):
    """A shard whose records are damaged inside: its checksums are right."""
    index, _ = tfrecord.index_records(
        lambda start, length: data[start : start + length], len(data)
    )
    return [
        mutated(data[start : start + length], random)
        if random.random() < 0.5
        else data[start : start + length]
        for start, length in index.tolist()
    ]


def check_contract(batch):
    """What has to hold for any batch."""
    size = sum(SIZES.values())
    assert batch["frames"].shape[1:] == (MAX_FRAMES, size)
    assert batch["frames"].dtype == np.uint8
    assert ((1 <= batch["num_frames"]) & (batch["num_frames"] <= 12)).all()
    assert set(np.unique(batch["labels"])) <= {0, 1}
    for frames, num_frames in zip(batch["frames"], batch["num_frames"]):
        assert not frames[num_frames:].any()


def rows_of(batch, good):
    """Where the videos of a batch are in the good one; equal everywhere."""
    ids = good["video_id"].tolist()
    rows = [ids.index(video_id) for video_id in batch["video_id"]]
    for key in set(batch) - {"label_weight"}:
        np.testing.assert_array_equal(batch[key], good[key][rows], key)
    return rows


def test_damaged_shards_are_refused_or_read_right(tmp_path):
    data, good = good_shard()
    random = np.random.default_rng(0)
    path = tmp_path / "a"
    refused = 0
    kept = []
    for _ in range(NUM_MUTANTS // 2):
        path.write_bytes(mutated(data, random))
        # Every byte is under a checksum: what is read is what was written.
        try:
            rows = rows_of(read_shard(str(path), verify=True), good)
            assert rows == list(range(len(rows)))
        except InputError as error:
            assert str(path) in str(error) and "\n" not in str(error)
            refused += 1
        skipped = SkippedRecords()
        try:
            kept.append(
                len(rows_of(read_shard(str(path), True, skipped), good))
            )
            assert kept[-1] == RECORDS or len(skipped) or kept[-1] > 0
        except InputError as error:
            assert str(path) in str(error) and "\n" not in str(error)
    assert refused > 4900
    # Skipping loses what is damaged or behind a break, and no more.
    assert kept.count(RECORDS - 1) > 1000


def test_damaged_records_are_refused_or_keep_the_contract(tmp_path):
    data, _ = good_shard()
    random = np.random.default_rng(1)
    path = tmp_path / "a"
    outcomes = {"refused": 0, "read": 0}
    for _ in range(NUM_MUTANTS // 4):  # about two damaged records each
        record_writer.write_shard(path, reframed(data, random))
        try:
            batch = read_shard(str(path), verify=False)
        except InputError as error:
            assert str(path) in str(error) and "\n" not in str(error)
            assert isinstance(error, RecordError)
            outcomes["refused"] += 1
        else:
            check_contract(batch)
            outcomes["read"] += 1
    assert min(outcomes.values()) > 100
