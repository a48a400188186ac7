"""The devices that a training runs on."""

import tensorflow as tf

from yt8m_distill.errors import InputError


def strategy(distribution, num_gpu=0):
    """The `tf.distribute` strategy of a training.

    Args:
        distribution: str, the value of `--distribution`.
        num_gpu: int, GPUs to use, the first so many; 0: all.

    Raises:
        InputError: there are fewer GPUs.
    """
    if distribution == "multi_worker":
        if num_gpu:
            gpus = tf.config.list_physical_devices("GPU")
            gpus = chosen_gpus(gpus, distribution, num_gpu)
            tf.config.set_visible_devices(gpus, "GPU")
        return tf.distribute.MultiWorkerMirroredStrategy()
    gpus = tf.config.list_logical_devices("GPU")
    gpus = chosen_gpus([gpu.name for gpu in gpus], distribution, num_gpu)
    if distribution == "mirrored" or (distribution == "auto" and len(gpus) > 1):
        cpus = [cpu.name for cpu in tf.config.list_logical_devices("CPU")]
        return tf.distribute.MirroredStrategy(gpus or cpus)
    return tf.distribute.get_strategy()


def chosen_gpus(gpus, distribution, num_gpu):
    """The GPUs that `--num_gpu` asks for.

    `--num_gpu=1`, the starter code's default, is no reason to refuse a machine
    without GPUs; neither was it there.

    Args:
        gpus: list of str, the names of those that are there.
        distribution: str, the value of `--distribution`.
        num_gpu: int, 0: all.

    Returns:
        list of str.

    Raises:
        InputError: there are fewer, or `--distribution` allows one alone.
    """
    if num_gpu > 1 and distribution == "one_device":
        raise InputError(
            f"--num_gpu={num_gpu} and --distribution=one_device exclude each "
            "other; give one"
        )
    if num_gpu > len(gpus) and (gpus or num_gpu > 1):
        raise InputError(
            f"--num_gpu={num_gpu}, but TensorFlow finds {len(gpus)} GPUs; give "
            "at most as many, or leave it out"
        )
    return gpus[: num_gpu or None]
