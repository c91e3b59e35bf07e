"""The bucket: objects and the conditions they are written on, uploads, and who reads and writes what."""
