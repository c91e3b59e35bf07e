"""The bucket: objects, conditional writes, uploads, and what each part of the product reads and writes."""
