"""Writes on a thread of their own: in order, none lost, errors told."""

import threading
from functools import partial

import pytest
from lakatos.data.errors import StoreError
from lakatos.data.store.background import WriterThread


def test_writes_are_done_in_order_on_another_thread():
    thread, done = WriterThread(), []
    for number in range(50):
        thread.submit(partial(lambda n: done.append((n, threading.get_ident())), number))
    thread.wait()
    assert [n for n, _ in done] == list(range(50))
    assert {ident for _, ident in done} != {threading.get_ident()}
    assert len({ident for _, ident in done}) == 1
    assert thread.waiting == 0
    thread.close()


def test_nobody_waits_for_a_write():
    thread, gate, done = WriterThread(), threading.Event(), []
    thread.submit(gate.wait)
    thread.submit(lambda: done.append(1))
    assert (thread.waiting, done) == (2, [])
    gate.set()
    thread.close()
    assert done == [1]


def test_what_fails_is_told_and_tried_again_before_what_follows():
    thread, done, full = WriterThread(), [], [True]

    def write():
        if full[0]:
            raise StoreError("the disk is full")
        done.append("first")

    def hand_over(job):
        thread.submit(job)  # tells of it already when the thread was quick
        thread.wait()

    with pytest.raises(StoreError, match="the disk is full"):
        hand_over(write)
    with pytest.raises(StoreError, match="the disk is full"):
        hand_over(lambda: done.append("second"))
    assert thread.waiting == 2
    full[0] = False
    thread.wait()
    assert done == ["first", "second"]
    thread.close()


def test_a_write_that_must_be_done_now_leaves_nothing_when_it_fails():
    thread, done = WriterThread(), []
    thread.submit(lambda: done.append("before"))

    def fail():
        raise StoreError("no")

    with pytest.raises(StoreError):
        thread.run(fail)
    thread.run(lambda: done.append("after"))
    assert done == ["before", "after"]
    thread.close()
