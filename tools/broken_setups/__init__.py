"""A whole deployment in the sandbox, ways to break it, and what the commands then say."""
