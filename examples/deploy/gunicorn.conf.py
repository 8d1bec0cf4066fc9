"""Gunicorn's configuration: gunicorn --config examples/deploy/gunicorn.conf.py ..."""

bind = "0.0.0.0:8000"
worker_class = "gthread"
workers = 2
threads = 4  # each has a connection to Redis of its own while it asks
# Heartbeats are files: in memory, as the container's own file system is read-only.
worker_tmp_dir = "/dev/shm"  # noqa: S108  # a file without a name, that no other process can open
control_socket_disable = True  # it would be a file in the home directory
graceful_timeout = 20  # seconds; a request that has begun is answered, and its session saved
max_requests, max_requests_jitter = 10_000, 1_000
accesslog = None
