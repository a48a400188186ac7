"""Starts TensorFlow without the notices it prints whatever its log level."""

import os
import sys
import tempfile

# Value of TF_CPP_MIN_LOG_LEVEL; processes that this one starts inherit it.
QUIET = "3"


def import_tensorflow(tells_devices=False, starts_devices=True):
    """Imports TensorFlow and finds the devices, without start-up notices.

    TensorFlow 2.21 writes half a dozen lines (oneDNN, missing GPU drivers)
    straight to the process's standard error before its log level counts. They
    are caught here, and shown after all if the start fails or
    `TF_CPP_MIN_LOG_LEVEL` is set to less than 3. So are later notices at the
    level of errors: what is an error reaches Python as an exception.

    Args:
        tells_devices: whether TensorFlow prints which device computes what; it
            does so at the level of notices.
        starts_devices: whether the devices are made ready, after which this
            process can no longer become one of several workers.
    """
    if tells_devices:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "0"
        import tensorflow as tf

        tf.debugging.set_log_device_placement(True)
    level = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", QUIET)
    if level != QUIET or "tensorflow" in sys.modules:
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as notices:
        os.dup2(notices.fileno(), 2)
        try:
            import tensorflow as tf

            if starts_devices:
                tf.config.list_logical_devices()
            else:
                tf.config.list_physical_devices()
            # What strategies tell of their reductions.
            tf.get_logger().setLevel("WARNING")
        except BaseException:
            notices.seek(0)
            os.write(kept, notices.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
