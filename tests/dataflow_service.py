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

    work: Callable[[bytes], None] = run_here  # what a job does with its staged pipeline
    jobs: list[dict[str, Any]] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)  # by gs:// path
    states_asked_for: list[str] = field(default_factory=list)

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
            job = json.loads(request.data) | {"id": str(len(self.jobs)), "currentState": "JOB_STATE_RUNNING"}
            self.jobs.append(job)
            self.work(self.objects[job["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"]])
            return _answer(job)
        if request.method == "PUT":
            self.states_asked_for.append(json.loads(request.data)["requestedState"])
        number = request.path.partition("/jobs/")[2]
        if not number.isdigit():  # messages, metrics
            return _answer({})
        return _answer(self.jobs[int(number)] | {"currentState": "JOB_STATE_DONE"})

    def _object(self, request: Request, kind: str, rest: str) -> Response:
        bucket, _, name = rest.removeprefix("storage/").removeprefix("v1/b/").partition("/o")
        if kind == "upload":
            if request.method == "POST":
                return Response(headers={"Location": f"{request.url}&name={json.loads(request.data)['name']}"})
            self.objects[f"gs://{bucket}/{request.args['name']}"] = request.data
            return _answer({"crc32c": base64.b64encode(google_crc32c.Checksum(request.data).digest()).decode()})
        return Response(status=404) if name else _answer({"name": bucket})


def _answer(value: object) -> Response:
    return Response(json.dumps(value), mimetype="application/json")
