"""The tasks by name; --task takes "glue", too, which is its eight tasks one after another."""

from collections.abc import Mapping
from types import MappingProxyType

from model.finetune.glue import GLUE
from model.finetune.ner import Ner
from model.finetune.qa import Qa
from model.finetune.task import AnyTask
from model.finetune.xnli import XNLI

TASKS: Mapping[str, AnyTask] = MappingProxyType({"xnli": XNLI, "ner": Ner(), "qa": Qa(), **GLUE})
