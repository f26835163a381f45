"""Text to ids: documents of a corpus, a sample of lines, SentencePiece pieces, the tokenizer's files."""
