"""Files of predictions that several processes write, a part each.

Part I of N has `-0000I-of-0000N` in its name and a manifest beside it, a JSON
file of the same name and `.json`: what all parts have to have in common, and
what tells a part that is whole from one that was cut off or changed.
"""

import hashlib
import json
import pathlib
import re

import tensorflow as tf

from yt8m_distill import files, precision, shards
from yt8m_distill.errors import InputError
from yt8m_distill.prediction_files import formats
from yt8m_distill.teacher_cache import file_hash

# Parts of segments have scores, which CSV has not, and are JSON Lines.
SEGMENTS_ENDING = ".jsonl"
# Key of what parts of segments share, and others have not.
SEGMENT_MAX_PRED = "segment_max_pred"
_KEYS = {"index", "count", "videos", "sha256", "shared"}


def suffix(index, count):
    """What tells a part's name from that of the whole."""
    return f"-{index:05}-of-{count:05}"


def name(path, index, count, of_segments=False):
    """The name of one part of a file.

    Args:
        path: str, the name of the whole, such as `"out.csv.gz"`.
        index: int in `[0, count)`.
        count: int.
        of_segments: whether it has rankings of segments.

    Returns:
        str, such as `"out-00001-of-00004.csv.gz"`.
    """
    whole = pathlib.PurePath(path)
    ending = "".join(whole.suffixes[-1:])
    if ending.lower() == ".gz":
        ending = "".join(whole.suffixes[-2:])
    if not formats.of(f"x{ending}"):
        ending = ""
    stem = whole.name[: len(whole.name) - len(ending)]
    ending += SEGMENTS_ENDING if of_segments else ""
    return str(whole.with_name(f"{stem}{suffix(index, count)}{ending}"))


def shared(options, runs, loaded, class_names, context_frames, classes):
    """What all parts of a file have to have in common.

    Args:
        options: as of `config.options("inference")`.
        runs: list of `RunDirectory`.
        loaded: the model of the runs.
        class_names: list of str, or None.
        context_frames: int, frames around segments; None: whole videos.
        classes: list of int, classes that segments are ranked for.

    Returns:
        dict of JSON values.
    """
    shards_found = shards.match(options.input_data_pattern)
    values = {
        "models": [
            file_hash(run.checkpoint(options.checkpoint)) for run in runs
        ],
        "precision": precision.of(loaded),
        "format": options.output_format,
        "class_names": class_names and _hash(class_names),
        "files": len(shards_found),
        # Of other machines the folders may differ.
        "file_names": _hash([one.rpartition("/")[2] for one in shards_found]),
    }
    if len(shards_found) < options.num_shards:
        # Parts of records: a file that grew would move them all.
        values["file_sizes"] = [
            tf.io.gfile.stat(file).length for file in shards_found
        ]
    if context_frames is None:
        return {**values, "top_k": options.top_k}
    return {
        **values,
        "segment_context_frames": context_frames,
        SEGMENT_MAX_PRED: options.segment_max_pred,
        "segment_classes": _hash(list(classes)),
    }


def write_manifest(path, index, count, shared, num_videos):
    """Writes the manifest of a part that is there.

    Args:
        path: str, the part.
        index, count: ints, as of `name`.
        shared: dict of JSON values, what all parts have to have in common.
        num_videos: int, videos or segments in the part.
    """
    files.write_json(
        f"{path}.json",
        {
            "index": index,
            "count": count,
            "videos": num_videos,
            "sha256": _sha256(path),
            "shared": shared,
        },
    )


def find(path):
    """The parts of a file, all there, whole and of one kind.

    Args:
        path: str, the name of the whole.

    Returns:
        `(paths, manifests)`, lists in the order of the parts: str and dict.

    Raises:
        InputError: there are no parts, some are missing, are not whole, or
            belong to something else.
    """
    found = {}
    for part, index, count in _parts_beside(path):
        manifest = _manifest(part)
        if manifest is None:
            continue  # told as missing
        if (manifest["index"], manifest["count"]) != (index, count):
            raise InputError(
                f"{part} was written as part {manifest['index']} of "
                f"{manifest['count']}; give files the names that they had"
            )
        if index in found:
            raise InputError(
                f"{part} and {found[index][0]} are both part {index}; remove "
                "the one that does not belong to the others"
            )
        found[index] = part, manifest
    if not found:
        raise InputError(
            f"{path} has no parts beside it, such as "
            f"{pathlib.PurePath(name(path, 0, 2)).name} and its manifest; "
            "write them with --shard_index and --num_shards"
        )
    counts = sorted({manifest["count"] for _, manifest in found.values()})
    if len(counts) > 1:
        raise InputError(
            f"{path} has parts of {' and of '.join(map(str, counts))}; remove "
            "those that do not belong to the others"
        )
    missing = [index for index in range(counts[0]) if index not in found]
    if missing:
        raise InputError(
            f"part {', '.join(map(str, missing[:5]))} of {counts[0]} of {path} "
            "is missing, or has no manifest as it is not complete; run "
            f"inference with --shard_index={missing[0]}"
        )
    paths, manifests = zip(*(found[index] for index in range(counts[0])))
    for part, manifest in zip(paths, manifests):
        _check(part, manifest, paths[0], manifests[0])
    return list(paths), list(manifests)


def _parts_beside(path):
    """Yields `(part, index, count)` of files with the names of parts."""
    whole = pathlib.Path(path)
    example = pathlib.PurePath(name(path, 0, 0)).name
    before, _, after = example.rpartition("-00000-of-00000")
    pattern = re.compile(
        re.escape(before)
        + r"-(\d{5,})-of-(\d{5,})"
        + re.escape(after)
        + f"({re.escape(SEGMENTS_ENDING)})?"
    )
    if whole.parent.is_dir():
        for file in sorted(whole.parent.iterdir()):
            found = pattern.fullmatch(file.name)
            if found:
                yield str(file), int(found[1]), int(found[2])


def _manifest(part):
    try:
        manifest = json.loads(pathlib.Path(f"{part}.json").read_text())
        if isinstance(manifest, dict) and manifest.keys() >= _KEYS:
            return manifest
    except FileNotFoundError:
        return None
    except ValueError:
        pass
    raise InputError(f"{part}.json is no manifest of a part; copy it anew")


def _check(part, manifest, first_part, first):
    """Refuses a part that is not what was written, or of something else."""
    if _sha256(part) != manifest["sha256"]:
        raise InputError(
            f"{part} is not what inference wrote, by its manifest; copy it "
            "anew, or write it again"
        )
    own, others = manifest["shared"], first["shared"]
    for key in {**others, **own}:
        if own.get(key) != others.get(key):
            raise InputError(
                f"{part} has {key} {own.get(key)}, {first_part} has "
                f"{others.get(key)}; parts of one file need the same"
            )


def _hash(values):
    text = json.dumps(values).encode()
    return hashlib.sha256(text).hexdigest()[:16]


def _sha256(path):
    with open(path, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
