"""Sixty days of keeping the admin session alive, on real servers and a clock of their own."""
