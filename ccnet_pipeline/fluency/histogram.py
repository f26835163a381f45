"""How perplexities are distributed, with the cut-offs: lines for a terminal, or a picture."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ccnet_pipeline.errors import UserError
from ccnet_pipeline.fluency.buckets import Cutoffs
from ccnet_pipeline.fluency.calibration import Sample

_ROWS = 20
_BARS = 60
_WIDTH = 50  # of the longest bar, in characters
_ENDS = (0.5, 99.5)  # percentiles between which the bars lie; what is beyond is in the outermost


def _bins(sample: Sample, count: int) -> npt.NDArray[np.float64]:
    """Return the limits of bins of equal width on a logarithmic scale."""
    lowest, highest = np.maximum(np.percentile(sample.perplexities, _ENDS), 1.0)
    return np.geomspace(lowest, max(highest, lowest * 1.01), count + 1)


def _amounts(sample: Sample, weights: npt.NDArray[np.int64], bins: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    inside = np.clip(sample.perplexities, bins[0], bins[-1])
    return np.histogram(inside, bins, weights=weights)[0].astype(np.float64)


def histogram_lines(sample: Sample, weights: npt.NDArray[np.int64], cutoffs: Cutoffs) -> Iterator[str]:
    """Yield a histogram as lines of text: perplexity, share, and a line where a cut-off lies."""
    bins = _bins(sample, _ROWS)
    amounts = _amounts(sample, weights, bins)
    marks = [("head", cutoffs.head), ("middle", cutoffs.middle)]
    for begin, amount in zip(bins, amounts, strict=False):
        while marks and marks[0][1] <= begin:
            name, value = marks.pop(0)
            yield f"{value:>10,.1f}  ----- {name} below"
        bar = "#" * round(_WIDTH * amount / amounts.max())
        yield f"{begin:>10,.1f}  {amount / amounts.sum():>4.0%} {bar}".rstrip()
    yield from (f"{value:>10,.1f}  ----- {name} below" for name, value in marks)


def check_picture(path: Path) -> None:
    """See that a picture can be drawn.

    Raises:
        UserError: it is no PNG, there is no folder for it, or a library is missing.
    """
    if path.suffix != ".png" or path.is_dir():
        raise UserError(f"--plot {path}: want a file that ends with .png")
    if not path.parent.is_dir():
        raise UserError(f"--plot {path}: there is no folder {path.parent}; make it, or choose another place")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise UserError("--plot wants Matplotlib: pip install matplotlib") from error


def draw(sample: Sample, weights: npt.NDArray[np.int64], cutoffs: Cutoffs, title: str, path: Path) -> None:
    """Draw the distribution with the cut-offs into a file."""
    from matplotlib.figure import Figure

    bins = _bins(sample, _BARS)
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    amounts = _amounts(sample, weights, bins)
    axes.stairs(100 * amounts / amounts.sum(), bins, fill=True, color="0.7")
    for name, value, colour in (("head", cutoffs.head, "tab:green"), ("middle", cutoffs.middle, "tab:orange")):
        axes.axvline(value, color=colour, label=f"{name} below {value:,.1f}")
    axes.set_xscale("log")
    axes.set(title=title, xlabel="perplexity", ylabel="per cent of the sample")
    axes.legend()
    aside = path.with_name(f".{path.name}")
    figure.savefig(aside, format="png")
    aside.replace(path)
