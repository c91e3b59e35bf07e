"""What a snapshot is: its keys, its columns, its manifest, the findings of its typed copy."""
