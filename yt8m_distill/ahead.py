"""Work that is done ahead of whoever needs it, in a thread of its own."""

import queue
import threading


def ahead(items, num_ahead=1):
    """Goes through an iterable in a thread, ahead of whoever takes its items.

    Of use where one side waits outside of Python: for TensorFlow, or a disk.

    Args:
        items: iterable; a generator runs, and is closed, in the thread.
        num_ahead: int, items that wait to be taken; one more is being made.

    Yields:
        The items, in their order. The thread ends with the iterable, or with
        the item that it is at when the taker stops early.

    Raises:
        What the iterable raises, after the items before.
    """
    found = queue.SimpleQueue()
    room = threading.Semaphore(num_ahead)
    stopped = threading.Event()

    def work():
        iterator = iter(())
        try:
            iterator = iter(items)
            for item in iterator:
                found.put((True, item))
                del item  # whoever takes it decides how long it lives
                room.acquire()
                if stopped.is_set():
                    break
            found.put((False, None))
        except BaseException as error:
            found.put((False, error))
        finally:
            getattr(iterator, "close", lambda: None)()

    thread = threading.Thread(target=work, daemon=True, name="ahead")
    thread.start()
    try:
        while True:
            is_item, value = found.get()
            if not is_item:
                break
            room.release()
            yield value
            del value
        if value is not None:
            raise value
    finally:
        stopped.set()
        room.release()
        thread.join()
