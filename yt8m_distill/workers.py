"""What the workers of a training owe each other."""

import zlib

import numpy as np
import tensorflow as tf

from yt8m_distill.errors import InputError


class Workers:
    """The processes that share a training; most often this one alone.

    The first of them, the chief, is the only one that writes. All of them have
    to call the methods here in the same order.

    Args:
        strategy: the `tf.distribute` strategy.

    Attributes:
        count: int, processes.
        index: int, which this one is; 0 is the chief.
        is_chief: bool.
    """

    def __init__(self, strategy):
        self._strategy = strategy
        self.count, self.index = 1, 0
        if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            self.count = strategy.extended._num_workers
            self.index = strategy.extended._id_in_cluster
        self.is_chief = self.index == 0

        def sum_over_replicas(numbers):
            context = tf.distribute.get_replica_context()
            # An argument is on no device yet.
            return context.all_reduce("SUM", tf.identity(numbers))

        self._sum = tf.function(
            lambda numbers: strategy.run(sum_over_replicas, (numbers,)),
            autograph=False,
        )

    def gather(self, number):
        """The numbers of all workers; waits for all of them.

        Args:
            number: int32.

        Returns:
            list of int, the chief's first.
        """
        if self.count == 1:
            return [number]
        mine = np.zeros(self.count, np.int32)
        mine[self.index] = number

        sums = self._strategy.experimental_local_results(
            self._sum(tf.constant(mine))
        )[0]
        replicas = self._strategy.num_replicas_in_sync // self.count
        return (sums.numpy() // replicas).tolist()

    def wait(self):
        """Waits until all workers are here."""
        self.gather(0)

    def chief_does(self, function):
        """Has the chief do something, while the others wait for its end.

        Args:
            function: without arguments.

        Returns:
            What it returns; None at the others.

        Raises:
            InputError: at the others, if it failed at the chief.
        """
        if self.is_chief:
            try:
                result = function()
            except Exception:
                self.gather(1)
                raise
            self.gather(0)
            return result
        if self.gather(0)[0]:
            raise InputError("the first worker stopped; it says why")
        return None

    def chief_first(self, function):
        """Has the others do what finds its work done, once the chief did it.

        Args, Raises: as of `chief_does`.

        Returns:
            What the function returns.
        """
        result = self.chief_does(function)
        return result if self.is_chief else function()

    def check_same_run(self, run, step=0):
        """Refuses workers that do not see the chief's files.

        Args:
            run: a `RunDirectory` that the chief has started.
            step: int, steps that this worker found done.

        Raises:
            InputError: at all workers, if they found different ones.
        """
        number = 0
        if run.config_file.exists():
            number = zlib.crc32(f"{run.run_id()} {step}".encode()) >> 1
        found = self.gather(number)
        other = next((i for i, one in enumerate(found) if one != found[0]), 0)
        if other:
            raise InputError(
                f"worker {other} finds another run, or another step of it, in "
                f"{run.path} than worker 0; --train_dir must be one directory "
                "that all workers see"
            )

    def share(self, batch_size):
        """The videos of a global batch that this worker reads, a slice."""
        size = batch_size // self.count
        return slice(self.index * size, (self.index + 1) * size)

    def distribute(self, batches, batch_size):
        """What Keras trains on.

        Args:
            batches: `tf.data.Dataset` of this worker's shares of the batches.
            batch_size: int, of the global batch.

        Returns:
            A data set that gives each replica its videos.
        """
        if self.count == 1:
            return batches  # Keras does it
        size = batch_size // self._strategy.num_replicas_in_sync
        local = self._strategy.num_replicas_in_sync // self.count
        if local > 1:
            batches = batches.rebatch(size, drop_remainder=True)
        return self._strategy.distribute_datasets_from_function(
            lambda context: batches
        )
