"""What the stages know of single characters: how they are mapped, and which of them show nothing."""
