"""The provider's /v1/files and /v1/batches, as OpenAI has them, answered by the same models as single requests.

A batch goes on when it is asked for (or by the clock, see ``Pace``), so that nobody waits for it. Keep out: what a
batch writes (batch_jobs.py) and which input is refused (batch_input.py).
"""

from collections.abc import Callable

from aiohttp import web

from label_pipeline.rehearsal.batch_faults import BatchScript
from label_pipeline.rehearsal.batch_files import LARGEST_FILE_BYTES, FileShelf, page, too_large
from label_pipeline.rehearsal.batch_form import FORM_BYTES, form_parts
from label_pipeline.rehearsal.batch_input import CHAT, LineTrouble, input_tokens, read_input
from label_pipeline.rehearsal.batch_jobs import ENDED, BatchJob, Complete, Pace, due, write
from label_pipeline.rehearsal.protocol import ProtocolError, parse_body


class BatchApi:
    """Handlers of files and batches.

    Args:
        check_key: raises ProtocolError where a request carries another key.
        complete: answers one line, and counts it.
        clock: seconds since 1970.
        pace: how long a batch stays in each status.
        script: ordered troubles.
        enqueued_tokens: prompt tokens all batches under way may have together; None is no limit.
    """

    def __init__(
        self, check_key: Callable[[web.Request], None], complete: Complete, clock: Callable[[], float], pace: Pace,
        script: BatchScript, enqueued_tokens: int | None,
    ) -> None:  # fmt: skip
        self._check_key, self._complete, self._clock, self._pace = check_key, complete, clock, pace
        self._script, self._enqueued_tokens = script, enqueued_tokens
        self._files = FileShelf()
        self._jobs: dict[str, BatchJob] = {}

    def add_routes(self, app: web.Application) -> None:
        """Serves files and batches from ``app``."""
        app.router.add_post("/v1/files", self.upload)
        app.router.add_get("/v1/files", self.files)
        app.router.add_get("/v1/files/{id}", self.file)
        app.router.add_get("/v1/files/{id}/content", self.content)
        app.router.add_delete("/v1/files/{id}", self.delete)
        app.router.add_post("/v1/batches", self.create)
        app.router.add_get("/v1/batches", self.batches)
        app.router.add_get("/v1/batches/{id}", self.retrieve)
        app.router.add_post("/v1/batches/{id}/cancel", self.cancel)

    async def upload(self, request: web.Request) -> web.Response:
        """POST /v1/files."""
        self._check_key(request)
        parts = form_parts(request.headers.get("Content-Type", ""), await self._whole(request))
        purpose = parts["purpose"].content.decode() if "purpose" in parts else ""
        if purpose != "batch" or "file" not in parts:
            raise ProtocolError(400, "invalid_value", f"expected a file with purpose batch, got purpose {purpose!r}")
        sent = parts["file"]
        return web.json_response(self._files.add(sent.filename, purpose, sent.content, self._now()).as_json())

    async def _whole(self, request: web.Request) -> bytes:
        content = bytearray()
        async for chunk in request.content.iter_chunked(1 << 16):
            content += chunk
            if len(content) > LARGEST_FILE_BYTES + FORM_BYTES:
                raise too_large(len(content))
        return bytes(content)

    async def files(self, request: web.Request) -> web.Response:
        """GET /v1/files."""
        self._check_key(request)
        return web.json_response(self._files.list(request.query))

    async def file(self, request: web.Request) -> web.Response:
        """GET /v1/files/ID."""
        self._check_key(request)
        return web.json_response(self._files.get(request.match_info["id"]).as_json())

    async def content(self, request: web.Request) -> web.Response:
        """GET /v1/files/ID/content."""
        self._check_key(request)
        content = self._files.get(request.match_info["id"]).content
        return web.Response(body=content, content_type="application/octet-stream")

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE /v1/files/ID."""
        self._check_key(request)
        return web.json_response(self._files.delete(request.match_info["id"]))

    async def create(self, request: web.Request) -> web.Response:
        """POST /v1/batches. The same request twice makes two batches, as it does at OpenAI."""
        self._check_key(request)
        fields = parse_body(await request.read())
        metadata = fields.get("metadata") or {}
        if fields.get("endpoint") != CHAT or fields.get("completion_window") != "24h":
            raise ProtocolError(400, "invalid_value", f"endpoint must be {CHAT} and completion_window 24h")
        if not isinstance(metadata, dict) or not _fits(metadata):
            raise ProtocolError(400, "invalid_value", "metadata takes 16 texts of 512 characters, names of 64")
        lines, troubles = read_input(self._files.get(str(fields.get("input_file_id"))).content)
        job = BatchJob(
            id=f"batch_rehearsal_{len(self._jobs) + 1:06d}", input_file_id=str(fields["input_file_id"]),
            metadata=metadata, created_at=self._now(), lines=lines, fault=self._script.next(),
            tokens=input_tokens(lines), errors=troubles,
        )  # fmt: skip
        job.lost_polls = job.fault.lost_polls
        if job.fault.fails_with is not None:
            job.errors = [LineTrouble(*job.fault.fails_with)]
        self._check_queue(job)
        self._jobs[job.id] = job
        if job.fault.lost_create:
            return drop(request)
        return web.json_response(job.as_json())

    async def batches(self, request: web.Request) -> web.Response:
        """GET /v1/batches, newest first."""
        self._check_key(request)
        found = [job.as_json() for job in reversed(self._jobs.values())]
        return web.json_response(page(found, request.query, most=100))

    async def retrieve(self, request: web.Request) -> web.Response:
        """GET /v1/batches/ID; time goes on by one poll."""
        self._check_key(request)
        job = self._job(request)
        job.polls += 1
        self._advance(job)
        if job.lost_polls:
            job.lost_polls -= 1
            return drop(request)
        return web.json_response(job.as_json())

    async def cancel(self, request: web.Request) -> web.Response:
        """POST /v1/batches/ID/cancel."""
        self._check_key(request)
        job = self._job(request)
        if job.status in ENDED:
            raise ProtocolError(409, "conflict", f"Cannot cancel a batch with status {job.status!r}.")
        job.enter("cancelling", self._now())
        return web.json_response(job.as_json())

    def _advance(self, job: BatchJob) -> None:
        if job.status in ENDED:
            return
        fault, reached = job.fault, due(job, self._pace, self._now())
        if job.status == "cancelling":
            self._end(job, "cancelled", answered=0 if "in_progress" not in job.times else len(job.lines) // 2)
        elif fault.never_validates or reached == "validating":
            return
        elif job.errors:
            job.enter("failed", self._now())
        elif reached != "completed":
            job.enter(reached, self._now())
        elif fault.expires_after is not None:
            self._end(job, "expired", fault.expires_after)
        elif fault.cancels_after is not None:
            self._end(job, "cancelled", fault.cancels_after)
        else:
            self._end(job, "completed", len(job.lines))

    def _end(self, job: BatchJob, status: str, answered: int) -> None:
        written = write(job, self._complete, answered, f"batch_{status}")
        job.completed, job.failed = written.completed, written.failed
        output, errors = written.output, written.errors
        if output:
            job.output_file_id = self._files.add(f"{job.id}_output.jsonl", "batch_output", output, self._now()).id
            if job.fault.no_output_file:
                self._files.delete(job.output_file_id)
        if errors:
            job.error_file_id = self._files.add(f"{job.id}_error.jsonl", "batch_output", errors, self._now()).id
        job.enter(status, self._now())

    def _check_queue(self, job: BatchJob) -> None:
        queued = sum(other.tokens for other in self._jobs.values() if other.status not in ENDED)
        if self._enqueued_tokens is not None and queued + job.tokens > self._enqueued_tokens:
            told = (
                f"Enqueued token limit reached for {job.lines[0].fields.get('model')} in organization org-rehearsal. "
                f"Limit: {self._enqueued_tokens:,} enqueued tokens. Please try again once some in_progress batches "
                "have been completed."
            )
            job.errors = [LineTrouble("token_limit_exceeded", told)]

    def _job(self, request: web.Request) -> BatchJob:
        named = request.match_info["id"]
        if named not in self._jobs:
            raise ProtocolError(404, "not_found", f"No batch found with id {named!r}.")
        return self._jobs[named]

    def _now(self) -> int:
        return int(self._clock())


def drop(request: web.Request) -> web.Response:
    """Ends the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _fits(metadata: dict[object, object]) -> bool:
    texts = all(isinstance(value, str) and len(value) <= 512 for value in metadata.values())
    return texts and len(metadata) <= 16 and all(len(str(name)) <= 64 for name in metadata)
