"""S3 and DynamoDB for the encryption clients: moto's server, a process of its own on loopback. It
is no part of what is tested; KMS requests never go to it."""

import contextlib
import re
import subprocess
import sys
import threading

import boto3

# How long it may take to start.
LIMIT = 30


@contextlib.contextmanager
def moto():
    """Runs the server and yields its URL."""
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", "0"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    # Waiting for its address ends when the process does.
    impatient = threading.Timer(LIMIT, server.kill)
    impatient.start()
    try:
        url = address(server)
        impatient.cancel()
        yield url
    finally:
        impatient.cancel()
        server.kill()
        server.wait()


def address(server):
    said = ""
    for line in server.stderr:
        said += line
        found = re.search(r"Running on (http://127\.0\.0\.1:\d+)", line)
        if found:
            # Its log must never fill the pipe.
            threading.Thread(target=lambda: server.stderr.read(), daemon=True).start()
            return found[1]
    raise RuntimeError("moto's server did not start: " + said)


def client(service, url, kind=boto3.client):
    """A client that knows moto's server and a made-up identity."""
    return kind(service, endpoint_url=url, aws_access_key_id="moto", aws_secret_access_key="moto")
