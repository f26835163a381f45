"""Pages as stage 3 gets them: in a chunk, as stage 1 would have written it."""

import io
from collections.abc import Sequence

from ccnet_pipeline.pages.page import Page
from ccnet_pipeline.pages.stored import Batch, Chunk, read_chunks, write_chunks
from ccnet_pipeline.recipe import Recipe


def chunks_of(recipe: Recipe, *parts: Sequence[Page]) -> list[Chunk]:
    """`chunks_of(CC100, pages)`: these pages as one chunk; each further sequence of pages is one more."""
    file = io.BytesIO()
    write_chunks((_batch(pages, recipe) for pages in parts), file)
    file.seek(0)
    return list(read_chunks(file))


def _batch(pages: Sequence[Page], recipe: Recipe) -> Batch:
    batch = Batch(recipe.title_is_paragraph)
    for page in pages:
        batch.add(page)
    return batch
