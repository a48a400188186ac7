"""Joins the files that several processes of inference wrote, a part each.

python tools/join_predictions.py --output_file=predictions.csv

Takes the parts beside it, `predictions-00000-of-00004.csv` and so on, each with
its manifest, as `python -m yt8m_distill.inference --output_file=predictions.csv
--shard_index=0 --num_shards=4` writes them. The file is that of one process
that tags all videos. Nothing is written where a part is missing, is not whole,
or comes from another model, other flags or other shards.
"""

from absl import flags

from yt8m_distill import command_line

FLAGS = flags.FLAGS


def join(path):
    """Joins the parts of a file.

    Args:
        path: str, the name of the whole, as it was given to inference.

    Returns:
        int, videos or segments that were tagged.

    Raises:
        InputError: as `output_parts.find`, or no file can be written there.
    """
    from yt8m_distill import files, output_parts
    from yt8m_distill.prediction_files import formats

    parts, manifests = output_parts.find(path)
    shared = manifests[0]["shared"]
    if output_parts.SEGMENT_MAX_PRED in shared:
        _join_segments(path, parts, shared)
    else:
        formats.check(path, shared["format"])
        with (
            files.written_whole(path, "wb") as whole,
            formats.packing(whole, path) as opened,
        ):
            formats.get_class(shared["format"]).join(parts, opened)
    return sum(manifest["videos"] for manifest in manifests)


def _join_segments(path, parts, shared):
    from yt8m_distill import output_parts, segment_files, segment_ranking

    names = {}

    def rows_of(part):
        for label, ids, scores, name in segment_files.read_scored(part):
            names[label] = name
            yield label, ids, scores

    segment_files.write(
        path,
        shared["format"],
        segment_ranking.merged(
            [rows_of(part) for part in parts],
            shared[output_parts.SEGMENT_MAX_PRED],
        ),
        names if shared["class_names"] else None,
    )


def define_flags():
    flags.DEFINE_string(
        "output_file", None, "file to write, whose parts lie beside it"
    )
    flags.mark_flags_as_required(["output_file"])


def main():
    count = join(FLAGS.output_file)
    print(f"{count:,} videos or segments in {FLAGS.output_file}")


if __name__ == "__main__":
    command_line.run_tool(define_flags, main)
