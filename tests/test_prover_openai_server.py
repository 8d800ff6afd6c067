"""A model server as it is: right, slow, wrong, rate-limited, dead, and with another key."""

import asyncio

import pytest
from lakatos.data.errors import ModelUnavailable, UsageError
from lakatos.prover.models.base import ChatMessage, Completion, Prompt, Sampling
from lakatos.prover.models.openai_client import OpenAIServer, ServerOptions
from lakatos.prover.models.server_watch import Servers

from .fake_openai import (
    Server,
    answer,
    break_off,
    end_early,
    garbage,
    refuse,
    refuse_with_page,
    silence,
)

TEXT = Prompt("⊢ True:::")
CHAT = Prompt(messages=(ChatMessage("system", "prove"), ChatMessage("user", "⊢ True")))


def asked(server, prompts=(TEXT,), *, model="m", key=None, check=False, options=None, **sampling):
    """What the model says, and the pauses made; the client is closed in any case."""
    pauses = []

    async def pause(seconds):
        pauses.append(seconds)

    async def run():
        client = OpenAIServer(model, server.url, Servers(key), options, sleep=pause)
        try:
            if check:
                await client.check()
            return await client.generate(list(prompts), Sampling(**{"n": 2} | sampling))
        finally:
            await client.close()

    return asyncio.run(run()), pauses


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("prompt", "path"), [(TEXT, "completions"), (CHAT, "chat/completions")])
def test_completions_with_log_probs_and_tokens(prompt, path, stream):
    reply = answer("simp", "omega", log_probs=[-1.0, -2.0], stream=stream)
    with Server(reply) as server:
        (found,), pauses = asked(server, [prompt], stop=("\n",), seed=5)
    assert found.completions == (Completion("simp", -1.0, 2), Completion("omega", -2.0, 2))
    assert (found.prompt_tokens, pauses) == (7, [])
    ((where, body),) = server.posts
    assert where == f"/v1/{path}"
    assert (body["model"], body["n"], body["seed"], body["stop"]) == ("m", 2, 5, ["\n"])


def test_a_chat_is_sent_turn_by_turn():
    with Server() as server:
        asked(server, [CHAT])
    assert server.posts[0][1]["messages"] == [
        {"role": "system", "content": "prove"},
        {"role": "user", "content": "⊢ True"},
    ]


def test_without_log_probs_the_counted_tokens_are_shared():
    with Server(answer("a", "b", finish="length")) as server:
        (found,), _ = asked(server, n=2)
    assert found.completions == (
        Completion("a", None, 3, finished=False),
        Completion("b", None, 3, finished=False),
    )


def test_a_server_that_gives_one_choice_is_asked_for_each():
    with Server(default=answer("simp", most=1)) as server:
        found, _ = asked(server, [TEXT, CHAT], n=3, seed=10)
    assert [len(each.completions) for each in found] == [3, 3]
    assert sorted(b["seed"] for p, b in server.posts if p == "/v1/completions") == [10, 11, 12]


@pytest.mark.parametrize(
    ("message", "lost"),
    [
        ("Unknown field: logprobs", "logprobs"),
        ("stream_options is not supported", "stream_options"),
        ("unexpected keyword seed", "seed"),
        ("use 'max_completion_tokens' instead of max_tokens", "max_tokens"),
    ],
)
def test_what_a_server_does_not_know_is_left_out(message, lost):
    with Server(refuse(400, message)) as server:
        (found,), pauses = asked(server, [CHAT])
    assert [c.text for c in found.completions] == ["simp", "simp"]
    assert lost in server.posts[0][1]
    assert lost not in server.posts[1][1]
    assert pauses == []


def test_a_server_that_takes_no_n_is_asked_one_by_one():
    with Server(refuse(400, "only n=1 is supported")) as server:
        (found,), _ = asked(server, n=3)
    assert len(found.completions) == 3
    assert [body["n"] for _, body in server.posts] == [3, 1, 1, 1]


def test_a_server_that_only_chats_gets_texts_as_chats():
    with Server(refuse(404, "Not Found")) as server:
        (found,), _ = asked(server)
    assert [c.text for c in found.completions] == ["simp", "simp"]
    assert server.posts[1][0] == "/v1/chat/completions"
    assert server.posts[1][1]["messages"] == [{"role": "user", "content": "⊢ True:::"}]


def test_what_a_server_cannot_do_at_all_is_not_asked_again():
    with Server(default=refuse(501, "Unsupported method")) as server:
        with pytest.raises(UsageError, match="501: Unsupported method"):
            asked(server)
        assert len(server.posts) == 1


@pytest.mark.parametrize("reply", [break_off, end_early, garbage, refuse(503), refuse(500)])
def test_a_failing_answer_is_asked_again_after_growing_pauses(reply):
    with Server(reply, reply) as server:
        (found,), pauses = asked(server)
    assert [c.text for c in found.completions] == ["simp", "simp"]
    assert pauses == [0.5, 1.0]


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"retry_after": "7"}, 7.0),
        (
            {
                "retry_after": "Wed, 21 Oct 2026 07:28:09 GMT",
                "date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            9.0,
        ),
        ({"retry_after": "soon"}, 0.5),
        ({}, 0.5),
    ],
)
def test_a_rate_limit_is_kept(headers, pause):
    with Server(refuse(429, "slow down", **headers)) as server:
        _, pauses = asked(server)
    assert pauses == [pause]


def test_too_long_a_wait_and_a_spent_quota_end_it_at_once():
    for reply in (refuse(429, "later", retry_after="3600"), refuse(429, "insufficient_quota")):
        with Server(reply) as server, pytest.raises(ModelUnavailable, match="HTTP 429"):
            asked(server)
        assert len(server.posts) == 1


def test_a_slow_server_is_given_up_in_the_end():
    options = ServerOptions(timeout_s=0.05, tries=2)
    with Server(default=silence) as server:
        with pytest.raises(ModelUnavailable, match=r"no answer in 0.05 s \(tries: 2\)"):
            asked(server, options=options)
        assert len(server.posts) == 2


def test_a_dead_server_is_one_line():
    with Server() as server:
        pass
    line = f"no server at {server.url} (connection refused); is it started?"
    with pytest.raises(ModelUnavailable) as caught:
        asked(server, options=ServerOptions(tries=3))
    assert str(caught.value) == f"openai:m@{server.url}: {line} (tries: 3)"
    with pytest.raises(ModelUnavailable) as caught:
        asked(server, check=True)
    assert str(caught.value) == line


def test_an_address_that_is_no_model_servers_is_told_at_once():
    with Server(default=garbage, models=None) as server:
        with pytest.raises(ModelUnavailable, match=r"^http\S+: it answered text/html$"):
            asked(server, check=True)
        assert len(server.posts) == 1
    with (
        Server(default=refuse_with_page(404), models=None) as server,
        pytest.raises(UsageError, match=r"HTTP 404: it answered text/html$"),
    ):
        asked(server, check=True)


@pytest.mark.parametrize(("key", "says"), [("wrong", "refuses the key"), (None, "wants a key")])
@pytest.mark.parametrize("check", [True, False])
def test_a_wrong_key_is_told_and_never_shown(key, says, check):
    with Server(key="secret") as server, pytest.raises(UsageError, match=says) as caught:
        asked(server, key=key, check=check)
    assert "OPENAI_API_KEY" in str(caught.value)
    assert "wrong" not in str(caught.value)
    with Server(key="secret") as server:
        assert asked(server, key="secret", check=True)


@pytest.mark.parametrize("prompt", [TEXT, CHAT])
def test_a_typo_in_the_model_name_names_near_ones(prompt):
    models = ["qwen3-8b", "qwen3-32b", "llama"]
    with Server(default=refuse(404, "no such model"), models=models) as server:
        with pytest.raises(UsageError, match=r"has no model qwen-8b; it has: qwen3-8b"):
            asked(server, [prompt], model="qwen-8b", check=True)
        with pytest.raises(UsageError, match=r"HTTP 404: no such model"):
            asked(server, [prompt], model="llama", check=True)


def test_a_server_without_a_list_is_tried_out():
    with Server(models=None) as server:
        asked(server, check=True)
    assert [body["max_tokens"] for _, body in server.posts] == [1, 128]
    with Server() as server:
        asked(server, check=True)
    assert len(server.posts) == 1


def test_a_prompt_that_is_too_long_has_no_completion():
    reply = refuse(400, "This model's maximum context length is 4096 tokens")
    with Server(reply) as server:
        found, _ = asked(server, [TEXT])
    assert found[0].completions == ()


def test_other_refusals_are_the_callers():
    with Server(refuse(400, "temperature is too hot")) as server:
        with pytest.raises(UsageError, match="HTTP 400: temperature is too hot"):
            asked(server)
        with pytest.raises(UsageError, match="no beam search"):
            asked(server, beam=True)


def test_cancelling_ends_the_request():
    async def run(server):
        client = OpenAIServer("m", server.url)
        work = asyncio.create_task(client.generate([TEXT], Sampling(n=1)))
        await asyncio.to_thread(server.arrived.wait)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await asyncio.to_thread(server.left.wait)
        await client.close()
        return work.cancelled()

    with Server(default=silence) as server:
        assert asyncio.run(run(server))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"api": "soap"}, "auto, chat or completions"),
        ({"tries": 0}, "tries must be above 0"),
        ({"timeout_s": -1.0}, "timeout_s must be above 0"),
    ],
)
def test_senseless_options_are_refused(values, says):
    with pytest.raises(UsageError, match=says):
        ServerOptions(**values)
