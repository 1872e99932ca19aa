"""Language models on servers that speak OpenAI's protocol: vLLM, llama-server, an office's cluster.

The only module that imports openai. It asks the configured endpoints and nobody else: no redirect is
followed, no proxy of the environment used, and no header sent but those named here. What a server says of an
error is neither logged nor shown: it may repeat the question or the key.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import aclosing
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from assistant.answering.prompts import Prompt, neutralised
from assistant.config import ModelSettings
from assistant.errors import ConfigError, ModelBusyError, ModelError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

LOG = logging.getLogger("assistant")
T = TypeVar("T")

_BEAT = 0.25  # seconds between two looks at whether the person has left
_CHECKS = 15.0  # seconds between two health checks
_REST = 5.0  # seconds an endpoint is left alone after a failure; doubled with each further one
_LONGEST_REST = 300.0
_SAMPLING = {"temperature": 0.2, "top_p": 0.9, "seed": 20260926}
_HEADERS = frozenset({"host", "accept", "accept-encoding", "connection", "content-type", "content-length"})
_OTHERS_MAY_PASS = (400, 413, 422)  # the fault of this prompt, not of the server


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    """What is needed of a piece of a stream; without choices it tells what the answer cost."""

    choices: list[_Choice]


class _Failed(Exception):
    """An endpoint did not answer; why, and for how long it is left alone."""

    def __init__(self, reason: str, rest: float | None = None, *, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.rest = rest  # seconds; None: as its failures before tell
        self.unreachable = unreachable


@dataclass(slots=True, eq=False)
class _Endpoint:
    """A server and what is known of it."""

    url: str
    client: AsyncOpenAI
    busy: int = 0  # answers being written
    failures: int = 0  # since its last first word
    rests_until: float = 0.0  # monotonic seconds
    trouble: str = ""  # found by the last health check, or by a connection that failed

    def state(self, limit: int) -> str:
        """Why it is not asked now; empty if it is."""
        if self.trouble:
            return self.trouble
        if time.monotonic() < self.rests_until:
            return "is left alone after a failure"
        return "is busy" if self.busy >= limit else ""

    def failed(self, failure: _Failed) -> None:
        """Leave it alone for a while."""
        if failure.unreachable:
            self.trouble = str(failure)
        elif failure.rest != 0:
            self.failures += 1
            rest = failure.rest or min(_LONGEST_REST, _REST * 2 ** (self.failures - 1))
            self.rests_until = time.monotonic() + rest
        LOG.warning("the model server %s %s", self.url, failure)


class RemoteModel:
    """A LanguageModel on one server or several; safe to ask from many threads."""

    waiting = 0  # nobody: one who finds every server busy is told so at once

    def __init__(self, settings: ModelSettings) -> None:
        """Ask the servers how they are, once; those that are down now may come later.

        Raises ModelError without the package openai, ConfigError where the certificates cannot be read.
        """
        self.name = settings.model
        self._settings = settings
        self._endpoints = [_Endpoint(url, _client(url, settings)) for url in settings.endpoints]
        self._loop = asyncio.new_event_loop()
        # A thread of its own: only there can waiting for a server be broken off at once.
        self._thread = threading.Thread(target=self._loop.run_forever, name="model servers", daemon=True)
        self._thread.start()
        self._run(self._check_all()).result()
        self._watching = self._run(self._watch())

    @property
    def ready(self) -> bool:
        """Whether a server is well; all may be busy."""
        now = time.monotonic()
        return any(not each.trouble and each.rests_until <= now for each in self._endpoints)

    def stream(self, prompt: Prompt, *, stop: Callable[[], bool] = lambda: False) -> Iterator[str]:
        """Pieces of the answer, empty ones while it is awaited; ends at the time limit, or when told to.

        The next server is asked while none has said a word; after that a failure ends the answer.
        Raises ModelError.
        """
        pieces: SimpleQueue[str | None] = SimpleQueue()
        answer = self._run(self._answer(prompt, pieces.put))
        answer.add_done_callback(lambda _: pieces.put(None))
        try:
            while not stop():
                try:
                    piece = pieces.get(timeout=_BEAT)
                except Empty:
                    piece = ""
                if piece is None:
                    answer.result()
                    return
                yield piece
        except CancelledError:
            raise ModelError(f"{self.name} was closed while answering") from None
        finally:
            answer.cancel()

    def close(self) -> None:
        """End all answers and connections."""
        if self._loop.is_closed():
            return
        self._run(self._end()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        if self._loop.is_closed():
            work.close()
            raise ModelError(f"{self.name} was closed")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _end(self) -> None:
        tasks = asyncio.all_tasks() - {cast("asyncio.Task[Any]", asyncio.current_task())}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for endpoint in self._endpoints:
            await endpoint.client.close()

    # Answering

    async def _answer(self, prompt: Prompt, say: Callable[[str], None]) -> None:
        until = asyncio.get_running_loop().time() + self._settings.seconds
        tried: list[_Endpoint] = []
        while endpoint := self._next(tried):
            tried.append(endpoint)
            endpoint.busy += 1
            begun = False
            try:
                async with asyncio.timeout_at(until), aclosing(self._pieces(endpoint, prompt)) as pieces:
                    async for piece in pieces:
                        begun = True
                        say(piece)
                return
            except TimeoutError:
                if begun:
                    return  # what is there is shown to its last sentence
                endpoint.failed(_Failed(f"said nothing for {self._settings.seconds:g} s"))
                break
            except _Failed as failure:
                endpoint.failed(failure)
                if begun:
                    raise ModelError(f"{endpoint.url} {failure}, in the middle of an answer") from failure
            finally:
                endpoint.busy -= 1
        states = "; ".join(
            f"{e.url} {e.state(self._settings.per_endpoint) or 'failed'}" for e in self._endpoints
        )
        kind = ModelBusyError if not tried and any(e.busy for e in self._endpoints) else ModelError
        raise kind(f"no server answers for {self.name}: {states}")

    def _next(self, tried: list[_Endpoint]) -> _Endpoint | None:
        """The least busy of those that are well; of equals the first in the settings."""
        limit = self._settings.per_endpoint
        well = [e for e in self._endpoints if e not in tried and not e.state(limit)]
        return min(well, key=lambda endpoint: endpoint.busy, default=None)

    async def _pieces(self, endpoint: _Endpoint, prompt: Prompt) -> AsyncGenerator[str, None]:
        """What one server says. Raises _Failed."""
        import openai

        settings = self._settings
        try:
            async with asyncio.timeout(settings.first_token) as patience:
                stream: Any = await endpoint.client.chat.completions.create(
                    model=settings.model,
                    messages=cast("Any", messages(prompt)),
                    max_tokens=settings.answer,
                    stream=True,
                    extra_body=_SAMPLING | settings.request,
                )
                async with stream:
                    async for chunk in stream:
                        for choice in msgspec.convert(chunk, _Chunk, from_attributes=True).choices[:1]:
                            if choice.delta.content:
                                patience.reschedule(None)
                                endpoint.failures = 0
                                yield choice.delta.content
                            if choice.finish_reason is not None:
                                return
        except TimeoutError:
            raise _Failed(f"said nothing for {settings.first_token:g} s") from None
        except openai.APIStatusError as error:
            raise _of_status(error.status_code, error.response.headers.get("retry-after", "")) from None
        except openai.APIConnectionError as error:
            # What it wraps says what happened and holds neither key nor question.
            why = str(error.__cause__ or "") or type(error.__cause__ or error).__name__
            raise _Failed(f"cannot be reached or broke off ({why})", unreachable=True) from None
        except openai.OpenAIError:
            raise _Failed("reports an error of its own") from None
        except ValueError:  # no JSON, or not of this shape
            raise _Failed("answers with something that is not OpenAI's protocol") from None
        raise _Failed("ended its answer without saying that it is complete")

    # Health

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_CHECKS)
            await self._check_all()

    async def _check_all(self) -> None:
        # One that is answering us is well, and a small server would have to leave off for this.
        await asyncio.gather(*(self._check(endpoint) for endpoint in self._endpoints if not endpoint.busy))

    async def _check(self, endpoint: _Endpoint) -> None:
        """Ask for the list of models: all such servers have it, and it costs them nothing."""
        import openai

        trouble = ""
        try:
            async with asyncio.timeout(2 * self._settings.connect):
                await endpoint.client.models.with_raw_response.list()
        except TimeoutError:
            trouble = "does not answer"
        except openai.APIStatusError as error:
            if error.status_code in (401, 403):
                trouble = f"refuses the key of models.key (answers {error.status_code})"
            elif error.status_code >= 500 or error.status_code < 400:
                trouble = f"answers {error.status_code}"
        except openai.OpenAIError:
            trouble = "cannot be reached"
        if trouble and trouble != endpoint.trouble:
            LOG.warning("the model server %s %s", endpoint.url, trouble)
        elif endpoint.trouble and not trouble:
            LOG.info("the model server %s is well again", endpoint.url)
        endpoint.trouble = trouble


def messages(prompt: Prompt) -> list[dict[str, str]]:
    """The conversation to send: rules and guide first, so that servers can keep what they have read of them.

    The server's template turns it into tokens, control tokens included: there must be none in it.
    """
    return [
        {"role": "system", "content": f"{prompt.rules}\n\n{neutralised(prompt.guide)}"},
        {"role": "user", "content": neutralised(prompt.question)},
    ]


def _of_status(status: int, retry_after: str) -> _Failed:
    reason = f"answers {status}"
    if status in _OTHERS_MAY_PASS:
        return _Failed(reason, rest=0)
    if status in (429, 503) and retry_after.isdecimal():
        return _Failed(reason, rest=min(_LONGEST_REST, max(1, int(retry_after))))
    return _Failed(reason)


def _client(url: str, settings: ModelSettings) -> AsyncOpenAI:
    try:
        import openai
    except ImportError as error:
        raise ModelError(
            f'models.backend = "openai" needs the package openai ({error}); install again'
        ) from error
    try:
        trusted = ssl.create_default_context(cafile=settings.certificates)
    except OSError as error:
        raise ConfigError(f"models.certificates = {settings.certificates} cannot be read: {error}") from error
    key = settings.key

    async def only_ours(request: Any) -> None:  # noqa: ANN401
        """openai adds what it finds in OPENAI_* variables, and tells about this machine."""
        for name in set(request.headers) - _HEADERS:
            del request.headers[name]
        request.headers["User-Agent"] = "binh-dan-hoc-vu-so/1"
        # One that the server ends while it is idle would cost the next person the answer.
        request.headers["Connection"] = "close"
        if key is not None:
            request.headers["Authorization"] = f"Bearer {key.get_secret_value()}"

    http = openai.DefaultAsyncHttpxClient(
        trust_env=False,
        proxy=settings.proxy,
        verify=trusted,
        follow_redirects=False,
        timeout=openai.Timeout(None, connect=settings.connect),
        event_hooks={"request": [only_ours]},
    )
    return openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0, http_client=http)
