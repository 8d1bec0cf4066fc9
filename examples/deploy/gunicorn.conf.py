"""Gunicorn's configuration: gunicorn --config examples/deploy/gunicorn.conf.py ..."""

bind = "0.0.0.0:8000"
worker_class = "gthread"
workers = 2
threads = 4  # each thread uses its own connection to Redis while it waits for an answer
# Gunicorn's heartbeats are files. They are kept in memory, as the container's file system is
# read-only.
worker_tmp_dir = "/dev/shm"  # noqa: S108  # a file without a name: no other process can open it
control_socket_disable = True  # otherwise it is a file in the home directory
graceful_timeout = 20  # seconds: requests that have begun are answered, and their sessions saved
max_requests, max_requests_jitter = 10_000, 1_000
accesslog = None
