"""An iterable that a thread goes through ahead of its taker."""

import signal
import threading
import time

import pytest

from yt8m_distill.ahead import ahead


def threads():
    return [one for one in threading.enumerate() if one.name == "ahead"]


@pytest.mark.parametrize("num_ahead", [1, 3])
def test_all_items_in_their_order(num_ahead):
    assert list(ahead(range(50), num_ahead)) == list(range(50))
    assert list(ahead([], num_ahead)) == []
    assert list(ahead([None, 0, None], num_ahead)) == [None, 0, None]
    assert not threads()


def test_no_more_is_made_than_may_wait():
    made = []

    def items():
        for number in range(20):
            made.append(number)
            yield number

    for number in ahead(items(), 2):
        time.sleep(0.01)
        # One is taken, two wait, one is being made.
        assert len(made) <= number + 4
    assert len(made) == 20


def test_the_next_item_is_made_while_one_is_used():
    second = threading.Event()

    def items():
        yield 1
        second.set()
        yield 2

    taken = ahead(items())
    next(taken)
    assert second.wait(10)  # without asking for it
    assert next(taken) == 2
    taken.close()


class Broken(Exception):
    pass


def test_what_is_raised_comes_after_the_items_before():
    def items():
        yield 1
        yield 2
        raise Broken("here")

    taken = ahead(items(), 5)
    assert [next(taken), next(taken)] == [1, 2]
    with pytest.raises(Broken, match="here") as raised:
        next(taken)
    assert raised.traceback[-1].name == "items"
    assert not threads()


@pytest.mark.parametrize("how", ["close", "break", "raise"])
def test_a_taker_who_stops_ends_the_thread(how):
    closed = []

    def items():
        try:
            yield from range(100)
        finally:
            closed.append(threading.current_thread().name)

    taken = ahead(items())
    if how == "close":
        next(taken)
        taken.close()
    else:
        with pytest.raises(Broken):
            for _ in taken:
                if how == "break":
                    break
                raise Broken
            taken.close()
            raise Broken
        taken.close()
    # Closed where it ran: a generator runs in one thread at a time.
    assert closed == ["ahead"]
    assert not threads()


def test_an_interrupt_ends_waiting():
    go_on = threading.Event()

    def items():
        yield 1
        go_on.wait(10)
        yield 2

    taken = ahead(items())
    next(taken)

    def interrupt(*_):
        go_on.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(KeyboardInterrupt):
            next(taken)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not threads()
