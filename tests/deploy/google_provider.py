"""A stand-in for Terraform's provider `google`, which knows the arguments of the resources that deploy/terraform has.

The real one cannot be had from a package index. What is here are names, types and what is required, as its
documentation has them (version 7); with it the real Terraform validates references and types, and plans. Run by
Terraform, with the Python of `make deploy-test`, which has the package tf.
"""

from collections.abc import Sequence
from typing import Any

from tf import iface, runner, types
from tf.blocks import SetNestedBlock
from tf.schema import Attribute, Block, Schema

TEXT, NUMBER, TEXTS = types.String(), types.Number(), types.Map(types.String())

Arguments = dict[str, Any]  # name: its type, or the arguments of a block; "!" behind the name: required; "=": computed

ACCOUNT = {"account_id!": TEXT, "display_name": TEXT, "description": TEXT}
ACCOUNT_GIVES = {"email=": TEXT, "name=": TEXT, "member=": TEXT, "unique_id=": TEXT, "id=": TEXT}
MEMBER = {"role!": TEXT, "member!": TEXT}
RESOURCES: dict[str, Arguments] = {
    "service_account": ACCOUNT | ACCOUNT_GIVES | {"project": TEXT},
    "project_iam_member": MEMBER | {"project!": TEXT},
    "storage_bucket_iam_member": MEMBER | {"bucket!": TEXT},
    "service_account_iam_member": MEMBER | {"service_account_id!": TEXT},
    "cloud_scheduler_job": {
        **{"name!": TEXT, "description": TEXT, "schedule": TEXT, "time_zone": TEXT, "attempt_deadline": TEXT},
        **{"region": TEXT, "project": TEXT, "id=": TEXT, "state=": TEXT},
        "http_target": {
            **{"uri!": TEXT, "http_method": TEXT, "body": TEXT, "headers": TEXTS},
            "oauth_token": {"service_account_email!": TEXT, "scope": TEXT},
        },
        "retry_config": {"retry_count": NUMBER, "min_backoff_duration": TEXT, "max_retry_duration": TEXT},
    },
}


def block_of(arguments: Arguments) -> Block:
    """The arguments as Terraform's protocol has them. What is computed is known from the beginning: a made-up value."""
    attributes, blocks = [], []
    for name, what in arguments.items():
        bare = name.rstrip("!=")
        if isinstance(what, dict):
            blocks.append(SetNestedBlock(bare, block_of(what)))
        elif name.endswith("="):
            attributes.append(Attribute(bare, what, computed=True, default=f"made-up-{bare}"))
        else:
            attributes.append(Attribute(bare, what, required=name.endswith("!"), optional=not name.endswith("!")))
    return Block(attributes, blocks)


def resource_of(kind: str, arguments: Arguments) -> type[Any]:
    """A resource that can be validated and planned, and no more."""
    block = block_of(arguments)

    class Planned(iface.Resource):
        def __init__(self, provider: object) -> None:
            pass

        @classmethod
        def get_name(cls) -> str:
            return kind

        @classmethod
        def get_schema(cls) -> Schema:
            return Schema(block.attributes, 0, block.block_types)

        def _refuse(self, *_: object) -> None:
            raise NotImplementedError

        create = read = update = delete = _refuse

    return Planned


class Google(iface.Provider):
    """See the module."""

    def get_model_prefix(self) -> str:
        return "google_"

    def get_provider_schema(self, diags: object) -> Schema:
        return Schema([Attribute(name, TEXT, optional=True) for name in ("project", "region", "zone", "credentials")])

    def full_name(self) -> str:
        return "registry.terraform.io/hashicorp/google"

    def validate_config(self, diags: object, config: object) -> None:
        pass

    configure_provider = validate_config

    def get_data_sources(self) -> Sequence[Any]:
        return []

    def get_resources(self) -> Sequence[Any]:
        return [resource_of(kind, arguments) for kind, arguments in RESOURCES.items()]


if __name__ == "__main__":
    runner.run_provider(Google())
