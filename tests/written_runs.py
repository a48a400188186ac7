"""Directories of runs as training leaves them, without any training."""

import json

from yt8m_distill.flag_definitions import FLAGS

DATA = {
    "feature_names": ["rgb", "audio"],
    "feature_sizes": [6, 4],
    "num_classes": 7,
    "max_frames": 12,
    "num_training_videos": 40,
    "frame_features": True,
}
SMALL = {
    "train_data_pattern": "train*",
    "eval_data_pattern": "validate*",
    "encoder": "netvlad(clusters=4, representation_dim=8)",
    "num_classes": 7,
    "max_frames": 12,
    "batch_size": 8,
}


def write_run(
    path, gaps, seed=0, teacher_gaps=None, videos_per_second=None, **flags
):
    """Writes a run.

    Args:
        path: path of its directory.
        gaps: list of float, validation GAP of each epoch; mAP is half of it.
        seed: int.
        teacher_gaps: list of float, the teacher's GAP of each epoch.
        videos_per_second: float, as if the run had been evaluated.
        **flags: other flags of training.
    """
    path.mkdir(parents=True)
    values = {name: default for _, name, default, *_ in FLAGS["train"]}
    values |= {**SMALL, "num_epochs": len(gaps), "seed": seed, **flags}
    values["train_dir"] = flags.get("train_dir", str(path))
    config = {
        "flags": values,
        "data": DATA,
        "versions": {"python": "3.11.9", "keras": "3.15.1"},
        "git_commit": "0123abc",
        "run_id": path.name,
    }
    (path / "config.json").write_text(json.dumps(config))
    (path / "flags.txt").write_text("")
    lines = []
    for number, gap in enumerate(gaps, 1):
        line = {"epoch": number, "step": 5 * number, "loss": 9 / number}
        line |= {"val_gap": gap, "val_map": gap / 2, "val_hit_at_1": gap}
        line |= {"val_perr": gap, "val_cross_entropy": 5 / number}
        if teacher_gaps:
            line["val_teacher_gap"] = teacher_gaps[number - 1]
            line["val_teacher_map"] = teacher_gaps[number - 1] / 2
        lines.append(json.dumps(line) + "\n")
    (path / "metrics.jsonl").write_text("".join(lines))
    if videos_per_second:
        (path / "evaluation").mkdir()
        scores = json.dumps({"videos_per_second": videos_per_second})
        (path / "evaluation" / "best.json").write_text(scores)


def write_runs(folder):
    """Writes a teacher, baselines and students, with two seeds each.

    Returns:
        The folder.
    """
    for seed in (0, 1):
        more = 0.01 * seed
        teacher = folder / f"teacher_{seed}"
        write_run(
            teacher,
            [0.5, 0.6 + more, 0.55],
            seed,
            videos_per_second=100.0 + 20 * seed,
            frame_sampler="all_frames",
        )
        for k in (2, 4):
            sampler = {"frame_sampler": f"uniform(k={k})"}
            write_run(
                folder / f"baseline_k{k}_{seed}",
                [0.3, 0.35, 0.4 + more + k / 100],
                seed,
                videos_per_second=400.0,
                **sampler,
            )
            write_run(
                folder / f"student_k{k}_{seed}",
                [0.3, 0.4, 0.45 + 2 * more + k / 100],
                seed,
                teacher_gaps=[0.6 + more] * 3,
                teacher_dir=str(teacher),
                student_losses="rep(weight=0.1),pred,ce",
                **sampler,
            )
        write_run(
            folder / f"parallel_k2_{seed}",
            [0.3, 0.41, 0.44 + more],
            seed,
            teacher_gaps=[0.4, 0.5, 0.58 + more],
            teacher_encoder="same",
            frame_sampler="uniform(k=2)",
            student_losses="pred,ce",
        )
    return folder


def study_of(folder, output=None, **flags):
    """The `Study` of the runs below a folder.

    Args:
        folder: path.
        output: path of the folder beside the page.
        **flags: other flags of the report.
    """
    from yt8m_distill import config
    from yt8m_distill.report_study import Study

    options = config.from_values("report", {"runs": [str(folder)], **flags})
    return Study(options, output)
