"""Celery workers: the queue, the store and one life for each submission."""
