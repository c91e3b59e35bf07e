"""What a snapshot consists of: its keys, columns and manifest, and the findings of its typed copy."""
