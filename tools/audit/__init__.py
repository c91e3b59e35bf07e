"""`make audit`: known holes in what is pinned, and secrets in the history."""
