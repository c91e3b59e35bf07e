"""`make audit`: known vulnerabilities in what is pinned, and secrets in the history."""
