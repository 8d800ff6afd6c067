"""An OpenAI-compatible server on 127.0.0.1 that does as told: right, slow, wrong, dead."""

import asyncio
import contextlib
import json
import socket
import threading

HTML = ("HTTP/1.1 200 OK", {"content-type": "text/html"}, b"<html>welcome</html>")


def answer(*texts, log_probs=None, most=None, finish="stop", stream=True):
    """Choices that take the texts in turn; most: choices in one answer, whatever is asked."""

    async def reply(body, reader, writer):
        n = min(body["n"], most or body["n"])
        choices = [choice(body, i, texts[i % len(texts)], log_probs, finish) for i in range(n)]
        usage = {"prompt_tokens": 7, "completion_tokens": 3 * n}
        if stream and body.get("stream"):
            events = [{"choices": [part]} for whole in choices for part in halves(whole)]
            await send_events(writer, [*events, {"choices": [], "usage": usage}])
        else:
            await send(writer, "200 OK", {"choices": choices, "usage": usage})

    return reply


def choice(body, index, text, log_probs, finish):
    told = {"index": index, "finish_reason": finish}
    if "messages" in body:
        told["message"] = {"role": "assistant", "content": text}
    else:
        told["text"] = text
    if log_probs and "logprobs" in body:
        p = log_probs[index % len(log_probs)]
        chat = {"content": [{"token": "a", "logprob": p / 2}, {"token": "b", "logprob": p / 2}]}
        told["logprobs"] = chat if "messages" in body else {"token_logprobs": [p / 2, p / 2]}
    return told


def halves(whole):
    """A choice as two parts of a stream."""
    text = whole["text"] if "text" in whole else whole["message"]["content"]
    middle = len(text) // 2
    for part, finish in ((text[:middle], None), (text[middle:], whole["finish_reason"])):
        event = {"index": whole["index"], "finish_reason": finish}
        event |= {"text": part} if "text" in whole else {"delta": {"content": part}}
        if finish and "logprobs" in whole:
            event["logprobs"] = whole["logprobs"]
        yield event


def refuse(status, message="no", **headers):
    async def reply(body, reader, writer):
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        await send(writer, f"{status} Refused", {"error": {"message": message}}, told)

    return reply


def refuse_with_page(status):
    """As a web server does that knows nothing of models."""

    async def reply(body, reader, writer):
        _, headers, content = HTML
        told = {**headers, "content-length": len(content)}
        await write(writer, f"HTTP/1.1 {status} Refused", told, content)

    return reply


async def garbage(body, reader, writer):
    line, headers, content = HTML
    await write(writer, line, {**headers, "content-length": len(content)}, content)


async def break_off(body, reader, writer):
    """Dies in the middle of a stream."""
    await write(writer, "HTTP/1.1 200 OK", STREAM, chunk({"choices": [part_of("sim")]}))


async def end_early(body, reader, writer):
    """Ends a stream properly, but before the answer is complete."""
    await write(writer, "HTTP/1.1 200 OK", STREAM, chunk({"choices": [part_of("sim")]}) + LAST)


async def silence(body, reader, writer):
    """Answers nothing until the client goes."""
    await reader.read()


def part_of(text):
    return {"index": 0, "text": text, "delta": {"content": text}, "finish_reason": None}


STREAM = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
LAST = b"0\r\n\r\n"


def chunk(event):
    data = f"data: {json.dumps(event)}\n\n".encode()
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def send_events(writer, events):
    data = b"".join(chunk(event) for event in events)
    done = b"data: [DONE]\n\n"
    end = f"{len(done):x}\r\n".encode() + done + b"\r\n" + LAST
    await write(writer, "HTTP/1.1 200 OK", STREAM, data + end)


async def send(writer, status, value, headers=None):
    content = json.dumps(value).encode()
    told = {"content-type": "application/json", "content-length": len(content), **(headers or {})}
    await write(writer, f"HTTP/1.1 {status}", told, content)


async def write(writer, line, headers, content):
    told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"{line}\r\n{told}connection: close\r\n\r\n".encode() + content)
    await writer.drain()


class Server:
    """Runs in a thread of its own. script: replies to the first POSTs; default: to the rest.

    models: what it lists; None: it has no list. key: what it wants; None: nothing.
    posts: (path, body) of each POST. left: set once a client went without an answer.
    """

    def __init__(self, *script, default=None, models=("m",), key=None):
        self.script = list(script)
        self.default = default or answer("simp")
        self.models = models
        self.key = key
        self.posts = []
        self.arrived = threading.Event()
        self.left = threading.Event()
        self.url = ""
        self.is_dead = False

    def __enter__(self):
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)))
        self._thread.start()
        ready.wait()
        return self

    def __exit__(self, *error):
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _serve(self, ready):
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._talks = set()
        with socket.socket() as holder:  # while it is dead, nobody else gets its port
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            holder.bind(("127.0.0.1", 0))
            await self._listen(holder.getsockname()[1])
            ready.set()
            await self._over.wait()
            self._stop_listening()
        await asyncio.sleep(0)  # a talk that has not begun could not close its socket
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _listen(self, port):
        self._socket = socket.create_server(("127.0.0.1", port), reuse_port=True)
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket, self._accept)
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def _accept(self):
        """Take one client. No task waits for it: cancelled, such a task would lose its socket."""
        with contextlib.suppress(BlockingIOError, ConnectionError):
            task = self._loop.create_task(self._talk(self._socket.accept()[0]))
            self._talks.add(task)
            task.add_done_callback(self._talks.discard)

    def _stop_listening(self):
        if self._socket.fileno() != -1:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    async def die(self, body, reader, writer):
        """A reply: none, and nobody listens any more."""
        self._stop_listening()
        self.is_dead = True

    def rise(self):
        """Listen again, where it did; nothing if it does."""
        asyncio.run_coroutine_threadsafe(self._rise(), self._loop).result()

    async def _rise(self):
        if self.is_dead:
            self.is_dead = False
            await self._listen(self.port)

    async def _talk(self, connection):
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
            content = await reader.readexactly(int(headers.get("content-length", 0)))
            method, path, _ = head[0].split(" ")
            authorization = next((x for x in head if x.lower().startswith("authorization")), "")
            if self.key and not authorization.endswith(f"Bearer {self.key}"):
                await refuse(401, "Incorrect API key provided")({}, reader, writer)
            elif method == "GET":
                await self._list(path, reader, writer)
            else:
                await self._post(path, json.loads(content), reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.left.set()
        finally:
            writer.close()

    async def _list(self, path, reader, writer):
        if self.models is None or path != "/v1/models":
            await refuse(404, "no such page")({}, reader, writer)
        else:
            await send(writer, "200 OK", {"data": [{"id": name} for name in self.models]})

    async def _post(self, path, body, reader, writer):
        self.posts.append((path, body))
        self.arrived.set()
        reply = self.script.pop(0) if self.script else self.default
        await reply(body, reader, writer)
        if reply is silence:
            self.left.set()
