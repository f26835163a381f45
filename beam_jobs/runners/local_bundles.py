"""Beam's in-process runner, with its work handed to worker processes as they come free.

Beam's own cuts the input of a stage into one part a worker, whatever is in them: who has the small segments waits for
who has the large ones. This cuts it into many, and gives the next to whoever is free. The parts keep the order in which
their elements came, so that large ones which come first are begun first.
"""

import copy
import itertools
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from apache_beam.metrics import monitoring_infos
from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.portability.fn_api_runner.execution import BundleContextManager, PartitionableBuffer
from apache_beam.runners.portability.fn_api_runner.fn_runner import BundleManager, FnApiRunner, ParallelBundleManager
from apache_beam.runners.portability.fn_api_runner.worker_handlers import WorkerHandler

# The input is cut into so many parts a worker. Who is free takes one, or, since each time costs some milliseconds, more
# while there are many: a fair share of what is left, divided by _SHARE.
_PARTS = 64
_SHARE = 8
_THREADS = "bundles"  # name of those that wait for workers; Python waits for them at its end


class SharingRunner(FnApiRunner):
    """The in-process runner, for several worker processes."""

    def _get_bundle_manager(self, bundle_context_manager: BundleContextManager) -> BundleManager:
        usual = super()._get_bundle_manager(bundle_context_manager)
        if not isinstance(usual, ParallelBundleManager):
            return usual
        return _SharingBundleManager(
            bundle_context_manager,
            self._progress_frequency,
            cache_token_generator=FnApiRunner.get_cache_token_generator(static=False),
        )


class _SharingBundleManager(ParallelBundleManager):
    """Runs one stage: its input in many parts, each on the worker that is free."""

    def process_bundle(
        self, inputs: Mapping[str, PartitionableBuffer], expected_outputs: Any, fired_timers: Any, *rest: Any
    ) -> Any:
        parts = _Parts(inputs, self._num_workers)
        context = self.bundle_context_manager

        def work(handler: WorkerHandler) -> list[beam_fn_api_pb2.InstructionResponse]:
            manager = BundleManager(_for_one(handler, context), cache_token_generator=self._cache_token_generator)
            try:
                return [manager.process_bundle(part, expected_outputs, {}, *rest)[0] for part in parts]
            except BaseException:
                parts.end()
                raise

        with ThreadPoolExecutor(self._num_workers, _THREADS) as threads:
            results = itertools.chain(*threads.map(work, context.worker_handlers))
        infos = monitoring_infos.consolidate(
            itertools.chain(*(result.process_bundle.monitoring_infos for result in results))
        )
        response = beam_fn_api_pb2.ProcessBundleResponse(monitoring_infos=infos)
        return beam_fn_api_pb2.InstructionResponse(process_bundle=response), []


class _Parts(Iterator[dict[str, Any]]):
    """The input of a stage in parts, each given to whoever asks first; never none at all."""

    def __init__(self, inputs: Mapping[str, PartitionableBuffer], workers: int) -> None:
        most = workers * _PARTS
        cut = {name: buffer.partition(most) for name, buffer in inputs.items()}
        parts = [{name: each[number] for name, each in cut.items()} for number in range(most)]
        self._rest = [part for part in parts if any(map(any, part.values()))] or parts[:1]
        self._share = workers * _SHARE
        self._lock = threading.Lock()

    def __next__(self) -> dict[str, Any]:  # for each input, elements as bytes
        with self._lock:
            if not self._rest:
                raise StopIteration
            count = max(1, len(self._rest) // self._share)
            taken, self._rest = self._rest[:count], self._rest[count:]
        return {name: list(itertools.chain(*(part[name] for part in taken))) for name in taken[0]}

    def end(self) -> None:
        """Give no more."""
        with self._lock:
            self._rest = []


def _for_one(handler: WorkerHandler, context: BundleContextManager) -> BundleContextManager:
    """Return the context of a stage for one worker alone."""
    alone = copy.copy(context)
    alone._worker_handlers = [handler]
    return alone
