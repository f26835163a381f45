"""Every block of code in the documentation says how it is tested; what it names is there."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from cc100.__main__ import COMMANDS
from tests.conftest import CHECKOUT
from tests.docs import programs
from tests.docs.blocks import PAGES, TESTED, Block, blocks_of, without_blocks
from tests.docs.stage import MAKE

BLOCKS = [block for page in PAGES for block in blocks_of(page) if block.language in TESTED]
PROGRAMS = [command.module for command in COMMANDS.values()]
# Of programs of others that the text speaks of.
FOREIGN = {
    "--shutdown-timeout": "torchrun",
    "--service_port": "Beam's worker pool",
    "--vocab_pad": "lmplz",
    "--setup_file": "Beam: what is not needed",
    "--requirements_file": "Beam: what is not needed",
}


def test_there_are_blocks_of_each_kind() -> None:
    counts = {tag: sum(block.tag == tag for block in BLOCKS) for tag in ("fast", "slow", "skip")}
    assert counts["fast"] >= 20, counts
    assert counts["slow"] >= 8, counts
    assert counts["skip"], counts
    assert len({block.page for block in BLOCKS}) >= 10
    assert sum(len(block.commands) for block in BLOCKS if block.tag != "skip") >= 60


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_has_a_tag(page: Path) -> None:
    wrong = [
        f"{block}: {block.tag} {block.reason}"
        for block in blocks_of(page)
        if (block.language in TESTED and block.tag not in ("fast", "slow", "skip"))
        or (block.tag == "skip") != bool(block.reason)
    ]
    assert not wrong, "begin a block as in ```sh fast, ```sh slow or ```sh skip: the reason"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_command_stands_outside_of_a_block(page: Path) -> None:
    starts = r"(?:python3? (?:-m |\w+/)|make \w|pip install|cc100 \w|torchrun |docker |gcloud |kubectl |\w+=\S+ python)"
    loose = re.findall(rf"^ {{4,}}{starts}.*", without_blocks(page.read_text("utf-8")), flags=re.MULTILINE)
    plain = [
        f"{block}: {line}"
        for block in blocks_of(page)
        if block.language not in TESTED
        for line in block.text.splitlines()
        if re.match(starts, line)
    ]
    assert not loose + plain, "a command belongs into a block with a tag"


def options_in(block: Block) -> Iterator[tuple[str, str]]:
    """Yield module and option for each option that a block gives to a program of ours."""
    for command in block.commands:
        if found := programs.split(re.sub(r"^torchrun .*?-m ", "python -m ", command)):
            for word in shlex.split(" ".join(map(shlex.quote, found[1]))):
                if word.startswith("--"):
                    yield found[0], word.partition("=")[0]


def test_every_option_of_a_command_exists() -> None:
    named = {(*each, str(block)) for block in BLOCKS for each in options_in(block)}
    assert len(named) > 100
    missing = [f"{place}: {module} has no {option}" for module, option, place in sorted(named)
               if option not in programs.options_of(module)]  # fmt: skip
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_in_the_text_exists(page: Path) -> None:
    known = frozenset().union(*map(programs.options_of, PROGRAMS)) | FOREIGN.keys()
    text = without_blocks(page.read_text("utf-8"))
    named = {
        option for code in re.findall(r"`([^`\n]+)`", text) for option in re.findall(r"(?<!\S)--[a-z][\w-]*", code)
    }
    assert not sorted(named - known)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))
    lost = [link for link in links if "://" not in link and not (page.parent / link.partition("#")[0]).exists()]
    assert not lost


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent != CHECKOUT], ids=lambda page: page.name)
def test_a_page_is_found_from_the_readme_and_leads_on(page: Path) -> None:
    assert f"](docs/{page.name})" in (CHECKOUT / "README.md").read_text("utf-8")
    *_, last = page.read_text("utf-8").strip().split("\n\n")
    assert last.startswith("See also: ["), "the last line of a page leads to its neighbours"


def test_the_readme_is_short_and_begins_with_what_works_at_once() -> None:
    readme = (CHECKOUT / "README.md").read_text("utf-8")
    assert len(readme.splitlines()) <= 150
    assert BLOCKS[0].commands == ["make run", "make test", "make train"]


def test_from_nothing_to_a_filtered_corpus_it_is_at_most_four_commands() -> None:
    (block,) = (block for block in BLOCKS if block.page == "README.md" and "make kenlm" in block.commands)
    assert len(block.commands) <= 4
    assert "--lm_dir models" in block.commands[-1]


def test_every_target_of_make_exists_and_does_what_is_run_for_it() -> None:
    makefile = (CHECKOUT / "Makefile").read_text("utf-8")
    named = {each.split()[1] for block in BLOCKS for each in block.commands if each.startswith("make ")}
    assert named >= {"run", "test", "train", "kenlm"}
    assert not [target for target in named if f"\n{target}:" not in makefile]
    for target, command in MAKE.items():
        recipe = makefile.partition(f"\n{target}:")[2].splitlines()[1]
        assert recipe.strip() == command.replace("python", "$(BIN)/python")
    assert "\nmake test\n" in (CHECKOUT / ".ci" / "run").read_text("utf-8")


def test_every_extra_that_is_to_be_installed_exists() -> None:
    text = "".join(page.read_text("utf-8") for page in PAGES)
    named = {extra for group in re.findall(r"(?:'\.|cc100-xlmr)\[([a-z,]+)\]'", text) for extra in group.split(",")}
    assert named >= {"beam", "model"}
    project = (CHECKOUT / "pyproject.toml").read_text("utf-8")
    assert not [extra for extra in named if not re.search(rf"^{extra} = \[", project, flags=re.MULTILINE)]


def test_names_of_files_in_the_text_exist() -> None:
    text = "".join(without_blocks(page.read_text("utf-8")) for page in PAGES)
    named = set(
        re.findall(
            r"(?<![\w/.-])((?:tests|benchmarks|docker|deploy|docs|ccnet_pipeline|beam_jobs|model)/[\w/.-]*[\w/])", text
        )
    )
    assert len(named) > 40
    assert not sorted(name for name in named if not (CHECKOUT / name).exists())
