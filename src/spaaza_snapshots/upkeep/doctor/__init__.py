"""What is wrong with a set-up, in the order in which it has to be put right; nothing here changes anything."""
