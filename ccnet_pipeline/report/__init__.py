"""OUT/report.html: what a run read, kept and dropped, to look at.

    reading.py      what OUT says of itself, as far as it is there
    flow.py         the balance, step by step
    languages.py    a row a language, and their sizes beside CC-100's
    settings.py     settings by their options
    examples.py     which examples fit into the page
    charts.py       the shapes of charts
    text.py         text of the web, made harmless; numbers.py, names.py: how numbers and languages are shown
    page.py         the report of one run
    comparison.py   two runs side by side
    rendering.py    pages from templates/

It reads five files of bounded size, so what it costs does not grow with the corpus.
"""

from ccnet_pipeline import storage

REPORT = "report.html"


def write_report(output: str, path: str | None = None) -> str:
    """Write the report of a run directory, from what lies there, to OUTPUT/report.html or elsewhere; return its path.

    Raises:
        UserError: there is no run, or the place cannot be written to.
    """
    from ccnet_pipeline.report.page import page_of  # templates are of no use to a command that ends early
    from ccnet_pipeline.report.reading import read_run

    path = path or storage.join(output, REPORT)
    storage.write(path, page_of(read_run(output)))
    return path


def write_comparison(before: str, after: str, path: str) -> str:
    """Write a page that says what changed from one run directory to another; return its path.

    Raises:
        UserError: there is no run, or the place cannot be written to.
    """
    from ccnet_pipeline.report.comparison import comparison_of
    from ccnet_pipeline.report.reading import read_run

    storage.write(path, comparison_of(read_run(before), read_run(after)))
    return path
