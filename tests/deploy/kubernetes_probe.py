"""Faults of Kubernetes objects, by the classes of Kubernetes' own client: fields that it does not know, types.

    python kubernetes_probe.py < OBJECTS     a JSON list of [name of a class of the client, object]; prints such a list

Run by the Python of `make deploy-test`, which has the package kubernetes.
"""

import json
import sys
from typing import Any

from kubernetes import client
from pydantic import ValidationError


def faults(kind: str, value: dict[str, Any]) -> list[str]:
    """What is wrong with an object, a line each."""
    try:
        getattr(client, kind).model_validate(value, strict=True)
    except ValidationError as error:
        return [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
    return []


print(json.dumps([fault for kind, value in json.load(sys.stdin) for fault in faults(kind, value)]))
