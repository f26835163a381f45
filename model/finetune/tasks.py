"""The tasks by the name that --task takes."""

from collections.abc import Mapping
from types import MappingProxyType

from model.finetune.task import AnyTask

TASKS: Mapping[str, AnyTask] = MappingProxyType({})
