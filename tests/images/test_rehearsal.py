"""The steps of docker/pipeline.Dockerfile, run in a clean root, and what the image is for, tried in it.

`make image-test`: minutes, as root, with debootstrap, Debian's mirror and the package index.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.images.recipes import read
from tests.images.rehearsal import Rehearsal, Root

if "CC100_IMAGE_TEST" not in os.environ:
    pytest.skip("minutes: make image-test", allow_module_level=True)
if os.geteuid() != 0 or not shutil.which("debootstrap"):
    pytest.skip("make image-test needs root, and debootstrap", allow_module_level=True)
pytestmark = pytest.mark.timeout(3600)

MOST_BYTES = 1_500_000_000
STAND_INS = Path(__file__).parent / "stand_ins"


def checked_out(folder: Path) -> Path:
    """The checkout as it is sent to a builder: what git knows, and nothing that was left in it."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (CHECKOUT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Root:
    stages = read(CHECKOUT / "docker" / "pipeline.Dockerfile")
    stand_ins = {stages[0].base: STAND_INS / "apache_beam", stages[1].base: STAND_INS / "launcher"}
    rehearsal = Rehearsal(checked_out(tmp_path_factory.mktemp("context")), CHECKOUT / "build" / "rehearsal", stand_ins)
    root = rehearsal.build(stages)
    print(f"{root.folder}: {root.num_bytes() / 1e6:.0f} MB")
    return root


@pytest.fixture(scope="session")
def with_model(image: Root, lid_model: Path) -> Root:
    """The image, with the small language identification model where it would be kept."""
    shutil.copy(lid_model, image.folder / "models" / "lid.176.ftz")
    return image


def test_it_is_small_and_has_no_compiler(image: Root) -> None:
    assert image.num_bytes() < MOST_BYTES
    assert image.run("sh", "-c", "command -v gcc g++ cmake make || echo none") == "none\n"


def test_its_user_is_an_ordinary_one_who_cannot_write_where_programs_lie(image: Root) -> None:
    assert image.run("sh", "-c", "id -u; id -un; pwd").split() == ["10001", "cc100", "/home/cc100"]
    assert image.run("sh", "-c", "touch /usr/local/bin/mine 2>/dev/null || echo refused") == "refused\n"


def test_the_sample_is_built_in_it(with_model: Root) -> None:
    with_model.run("python", "-m", "beam_jobs.build_cc100", has_network=False)
    manifest = json.loads((with_model.folder / "home/cc100/cc100-sample/manifest.json").read_text())
    assert manifest["files"]


def test_it_brings_the_trainer_of_language_models(image: Root) -> None:
    assert "--order" in image.run("sh", "-c", "$KENLM_BIN/lmplz --help 2>&1 || true")
    train = 'echo "a b c" | $KENLM_BIN/lmplz -o 2 -S 100M --discount_fallback 2>/dev/null | head -1'
    assert image.run("sh", "-c", train) == "\\data\\\n"


def test_the_launcher_of_a_flex_template_finds_the_command_line(image: Root) -> None:
    launcher = "/opt/google/dataflow/python_template_launcher"
    script = f"{launcher} --runner=DataflowRunner --output=here --keep_work=true --dump='A B' 2>&1 || true"
    assert image.run("sh", "-c", script).startswith("build_cc100: --runner DataflowRunner needs --project PROJECT, ")


POOL = """
import contextlib, os, socket, subprocess, sys, time
import apache_beam as beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms.environments import ExternalEnvironment

driver = os.getpid()

def look(number):
    import fasttext, kenlm, beam_jobs.mine_segment
    return f"{number} in another process: {os.getpid() != driver}, as {os.getuid()}"

pool = subprocess.Popen([*sys.argv[1:], "-worker_pool"], stderr=subprocess.DEVNULL)
for _ in range(600):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", 50000)):
        break
    time.sleep(0.1)
with beam.Pipeline(runner=FnApiRunner(default_environment=ExternalEnvironment("127.0.0.1:50000"))) as pipeline:
    _ = pipeline | beam.Create([1]) | beam.Map(look) | beam.Map(lambda text: open("/tmp/said", "w").write(text))
pool.terminate()
"""


def test_its_entry_point_serves_a_pipeline_as_a_worker_pool(image: Root) -> None:
    (image.folder / "tmp/pool.py").write_text(POOL)
    image.run("timeout", "300", "python", "/tmp/pool.py", *image.settings.entrypoint, has_network=False)
    assert (image.folder / "tmp/said").read_text() == "1 in another process: True, as 10001"
