"""The small language models of the sample crawl."""

from itertools import chain
from pathlib import Path

from ccnet_pipeline.fluency.programs import Programs
from ccnet_pipeline.fluency.training import Training, train
from ccnet_pipeline.sample import lm_text_directory, text_directory
from ccnet_pipeline.sample.pages import sample_pages
from ccnet_pipeline.text_files import read_lines


def train_samples(output: Path, programs: Programs) -> None:
    """Train the models on `lm_text/` and the sample's own articles.

    They are of no use elsewhere: 60 lines of `lm_text` are too few to tell unseen articles from shuffled words, so the
    models know the articles. The cut-offs are the percentiles of an imitated crawl, 60 % article pages and 40 % pages
    of shuffled words: the 60th parts the two, the 30th halves the articles.
    """
    pages = sample_pages(text_directory())
    for text in sorted(lm_text_directory().glob("*.txt")):
        mine = [page for page in pages if page.languages == (text.stem,)]
        fluent = [(page.title, *page.paragraphs) for page in mine if page.kind in ("article", "syndicated")]
        shuffled = [(page.title, *page.paragraphs) for page in mine if page.kind == "disfluent"]
        crawl = fluent * (3 * len(shuffled)) + shuffled * (2 * len(fluent))
        lines = chain(read_lines(text), read_lines(text_directory() / text.name))
        training = Training(
            language=text.stem, normalization="mended", vocab_size=1500, order=3, byte_fallback=False, compact=True
        )
        train(training, ([line] for line in lines), output, programs, crawl)
