# Where things go: filled by install(...) below.
