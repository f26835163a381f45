"""Dataflow and a bucket of Google's, as far as one job needs them, on this machine: what is submitted is run here."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import google_crc32c
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
from google.cloud.dataflow import JobState
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: Any) -> None:
        pass


def run_here(staged: bytes) -> None:
    """Run a pipeline in its portable form, in this process in place of its containers."""
    pipeline = beam_runner_api_pb2.Pipeline.FromString(staged)
    for environment in pipeline.components.environments.values():
        environment.urn, environment.payload = python_urns.EMBEDDED_PYTHON, b""
    FnApiRunner().run_via_runner_api(pipeline, PipelineOptions()).wait_until_finish()


@dataclass
class DataflowService:
    """A running server."""

    work: Callable[[bytes], object] = run_here  # what a job does with its staged pipeline
    jobs: list[dict[str, Any]] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)  # by gs:// path
    state: str = "JOB_STATE_DONE"  # of a job that is asked for
    message: str = ""  # why it failed
    forbids: bool = False  # to write to the bucket
    active: str = ""  # id of a job of any name that runs already
    when_asked: Callable[[], object] = bool  # called at each question
    states_wanted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._server = make_server("127.0.0.1", 0, self._application, threaded=True, request_handler=_Quiet)
        self.url = f"http://localhost:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()

    def _application(self, environ: Any, start: Any) -> Any:
        request = Request(environ)
        kind, _, rest = request.path.lstrip("/").partition("/")
        answer = self._job(request) if kind == "v1b3" else self._object(request, kind, rest)
        return answer(environ, start)

    def _job(self, request: Request) -> Response:
        if request.method == "POST":
            return self._taken(json.loads(request.data))
        if request.method == "PUT":
            self.state = JobState(json.loads(request.data)["requestedState"]).name
            self.states_wanted.append(self.state)
        number = request.path.partition("/jobs/")[2]
        if number.endswith("/messages"):
            message = {"messageText": self.message, "messageImportance": "JOB_MESSAGE_ERROR"}
            return _answer({"jobMessages": [message] if self.message else []})
        if not number.isdigit():  # metrics
            return _answer({})
        self.when_asked()
        return _answer(self.jobs[int(number)] | {"currentState": self.state})

    def _taken(self, job: dict[str, Any]) -> Response:
        if self.active:
            return _answer(job | {"id": self.active, "clientRequestId": "of another"})
        self.jobs.append(job | {"id": str(len(self.jobs)), "currentState": "JOB_STATE_RUNNING"})
        self.work(self.objects[job["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"]])
        return _answer(self.jobs[-1])

    def _object(self, request: Request, kind: str, rest: str) -> Response:
        bucket, _, name = rest.removeprefix("storage/").removeprefix("v1/b/").partition("/o")
        if kind == "upload":
            if request.method == "POST":
                return Response(headers={"Location": f"{request.url}&name={json.loads(request.data)['name']}"})
            self.objects[f"gs://{bucket}/{request.args['name']}"] = request.data
            return _answer({"crc32c": base64.b64encode(google_crc32c.Checksum(request.data).digest()).decode()})
        if bucket.endswith("/iam/testPermissions"):
            return _answer({"permissions": [] if self.forbids else request.args.getlist("permissions")})
        return Response(status=404) if name else _answer({"name": bucket})


def _answer(value: object) -> Response:
    return Response(json.dumps(value), mimetype="application/json")
