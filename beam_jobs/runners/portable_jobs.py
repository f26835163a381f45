"""Jobs that were given to a job server of Beam's that somebody else has started (--job_endpoint)."""

from typing import Any

import grpc
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

from ccnet_pipeline.errors import ClusterError

_PATIENCE_S = 10.0
_NO_ANSWER = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
_ENDED = ("DONE", "FAILED", "CANCELLED", "DRAINED", "UPDATED")


def running_state(endpoint: str, job: str) -> str | None:
    """Return the state of a job that has not ended, such as RUNNING; None if it has, or is not known there.

    Raises:
        ClusterError: the job server does not answer.
    """
    request = beam_job_api_pb2.GetJobStateRequest(job_id=job)
    with grpc.insecure_channel(endpoint) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=_PATIENCE_S)
        except grpc.FutureTimeoutError as error:
            raise ClusterError(f"the job server at {endpoint} does not answer") from error
        try:
            answer: Any = beam_job_api_pb2_grpc.JobServiceStub(channel).GetState(request, timeout=_PATIENCE_S)
        except grpc.RpcError as error:
            if error.code() in _NO_ANSWER:
                raise ClusterError(f"the job server at {endpoint} does not answer") from error
            return None  # each job server has its own way to say that it does not know a job
    state = beam_job_api_pb2.JobState.Enum.Name(answer.state)
    return None if state in _ENDED else str(state)
