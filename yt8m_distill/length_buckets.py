"""Which videos come together in a batch, so that little is padding."""

from typing import NamedTuple

import numpy as np

# Training batches whose videos are sorted by length together.
MIXED_BATCHES = 64
# Batches' worth of videos that wait for others of like lengths, at most.
WAITING_BATCHES = 16
# Videos make batches of their own, and go to different bounds, where there are
# so many batches for each bound: what is not full then costs little.
ENOUGH_BATCHES = 8


class Planned(NamedTuple):
    """A batch that is to be read.

    Attributes:
        numbers: int array, rising record numbers.
        most_frames: int, frames to which its videos are padded.
    """

    numbers: np.ndarray
    most_frames: int


def mixed(order, sizes, batch_size, generator):
    """The same order, but videos of like sizes in a batch.

    Args:
        order: int array, record numbers.
        sizes: int array, the bytes of each of these records.
        batch_size: int.
        generator: NumPy `Generator`; the batches come in an order of chance.
    """
    reordered = []
    window = MIXED_BATCHES * batch_size
    for start in range(0, len(order), window):
        some = np.argsort(sizes[start : start + window], kind="stable") + start
        whole = len(some) // batch_size * batch_size
        # Of the last window what fills no batch is left out by chance.
        some = np.delete(
            some,
            generator.choice(len(some), len(some) - whole, replace=False),
        )
        batches = order[some].reshape(-1, batch_size)
        reordered.append(generator.permutation(batches).ravel())
    return np.concatenate(reordered)


def planned(bounds, most_frames, num_bounds, file_of, batch_size):
    """Every video once, with others that are padded to the same bound.

    To what a video is padded depends on itself alone. It waits for others of
    its bound, but not for more than `WAITING_BATCHES`. A large file's videos
    are in batches of their own: part of the files gives the batches, and so the
    very same predictions, that all give. Where there are too few videos for it
    to pay, all are padded alike.

    Args:
        bounds: int array, the frames to which each video may be padded.
        most_frames: int, the largest of them that there can be.
        num_bounds: int, how many such numbers of frames there are.
        file_of: int array, rising, the number of the file that each is in.
        batch_size: int.

    Returns:
        list of `Planned`.
    """
    enough = ENOUGH_BATCHES * num_bounds * batch_size
    first_of_files = np.flatnonzero(np.diff(file_of, prepend=-1))
    is_large = np.diff(first_of_files, append=len(file_of)) >= enough
    # Small files go together, up to the next large one.
    begins = is_large.copy()
    begins[1:] |= is_large[:-1]
    begins[:1] = True
    starts = first_of_files[begins].tolist()
    plan = []
    for start, stop in zip(starts, [*starts[1:], len(file_of)]):
        own = bounds[start:stop]
        if len(own) < enough:
            own = np.full(len(own), most_frames)
        plan += _planned_together(start, own, batch_size)
    return plan


def _planned_together(first, bounds, batch_size):
    """As `planned`, of videos that are numbered from `first` on."""
    plan, waiting = [], {}
    for number, bound in enumerate(bounds.tolist(), first):
        waiting.setdefault(bound, []).append(number)
        # The first bound in the dict is that whose videos wait longest.
        oldest = next(iter(waiting))
        if len(waiting[bound]) == batch_size:
            plan.append(Planned(np.array(waiting.pop(bound)), bound))
        elif number - waiting[oldest][0] >= WAITING_BATCHES * batch_size:
            plan.append(Planned(np.array(waiting.pop(oldest)), oldest))
    plan += [Planned(np.array(own), bound) for bound, own in waiting.items()]
    return plan


def in_order(results, plan):
    """What was computed of planned batches, in the order of the videos.

    Args:
        results: iterable of dicts of arrays `(videos, …)`, one for each batch
            of the plan; `number` has the record numbers, from which some may
            be missing.
        plan: list of `Planned`.

    Yields:
        dicts of arrays `(videos, …)`, about as many videos as in a batch or
        more.
    """
    first = [batch.numbers[0] for batch in plan] + [np.iinfo(int).max]
    # After a batch: the least number of those that are still to come.
    to_come = np.minimum.accumulate(first[::-1])[::-1][1:]
    enough = max((len(batch.numbers) for batch in plan), default=0)
    waiting = []
    for step, (result, bound) in enumerate(zip(results, to_come), 1):
        waiting.append(result)
        count = sum(int((one["number"] < bound).sum()) for one in waiting)
        if not count or count < enough and step < len(plan):
            continue
        joined = {
            key: np.concatenate([one[key] for one in waiting]) for key in result
        }
        order = np.argsort(joined["number"])
        yield {key: value[order[:count]] for key, value in joined.items()}
        waiting = [{key: value[order[count:]] for key, value in joined.items()}]
