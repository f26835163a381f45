"""XLM-R: the network, its loss, how much work it is, and its names at Hugging Face."""
