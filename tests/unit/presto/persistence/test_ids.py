"""Ids of what is new: random UUIDs, of which no two are alike, whoever makes them."""

from __future__ import annotations

import os
import threading
import uuid

from presto.persistence.ids import new_id


def test_they_are_random_uuids_in_their_usual_form() -> None:
    made = [new_id() for _ in range(1000)]
    assert [str(uuid.UUID(text)) for text in made] == made
    assert {(uuid.UUID(text).version, uuid.UUID(text).variant) for text in made} == {(4, uuid.RFC_4122)}
    assert {text[19] for text in made} == set("89ab")


def test_no_two_are_alike_in_all_threads() -> None:
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.extend([new_id() for _ in range(2000)])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8000


def test_a_process_that_was_forked_makes_others() -> None:
    new_id()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, new_id().encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reader, 36).decode()
    os.close(reader)
    os.close(writer)
    assert theirs not in {new_id() for _ in range(300)}
