"""The library as others call it: from any thread, beside any event loop."""

import asyncio
import threading

import lakatos
import pytest


@pytest.mark.lean
def test_prove_works_in_a_thread_and_beside_a_running_loop(toolchain, tmp_path):
    file = tmp_path / "a.lean"
    file.write_text("theorem t (a b : Nat) : a + b = b + a := by sorry\n")
    config = lakatos.RunConfig(workers=1)
    found = []

    def prove():
        found.extend(lakatos.prove(file, config=config))

    thread = threading.Thread(target=prove)
    thread.start()
    thread.join()

    async def notebook():
        prove()

    asyncio.run(notebook())
    assert [attempt.is_proved for attempt in found] == [True, True]
