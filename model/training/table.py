"""The languages of a run as people see them: the table before training, remarks, and a line of the log."""

from collections.abc import Iterator
from dataclasses import asdict

from rich.table import Table

from model.config import TrainConfig
from model.mixture import Mixture, fewest_tokens
from model.training.progress import LanguagesLine


def table_of(mixture: Mixture) -> Table:
    """Return a row a language."""
    table = Table("language")
    for name in ("tokens", "documents", "share of samples", "epochs"):
        table.add_column(name, justify="right")
    for language, row in mixture.rows.items():
        table.add_row(language, f"{row.tokens:,}", f"{row.documents:,}", f"{row.share:.2%}", f"{row.epochs:,.1f}")
    return table


def remarks(mixture: Mixture, train: TrainConfig) -> Iterator[str]:
    """Yield what the table does not show: languages that are left out, and text that is repeated too often."""
    if mixture.too_small:
        left_out = ", ".join(f"{name} {count:,}" for name, count in mixture.too_small.items())
        yield f"left out, for fewer than {fewest_tokens(train):,} tokens of training text (--min_tokens): {left_out}"
    if mixture.missing:
        yield f"left out, for the text has none: {', '.join(mixture.missing)}"
    short = [name for name, row in mixture.rows.items() if row.tokens < train.seq_length - 1]
    if short:
        yield f"shorter than a sample, so repeated inside it, where the model can copy: {', '.join(short)}"
    often = [name for name, row in mixture.rows.items() if train.max_epochs and row.epochs > train.max_epochs + 0.05]
    if often:
        worst = max(mixture.rows[name].epochs for name in often)
        why = "--steps were raised" if train.steps > train.planned_steps > 0 else "the run asks for more than there is"
        yield (
            f"repeated more often than --max_epochs {train.max_epochs:g}, up to {worst:,.1f} times, for {why}: "
            f"{', '.join(often)}"
        )


def log_line(mixture: Mixture) -> LanguagesLine:
    """Return the table as a line of the log."""
    rows = {name: asdict(row) for name, row in mixture.rows.items()}
    return LanguagesLine(languages=rows, too_small=mixture.too_small, missing=mixture.missing)
