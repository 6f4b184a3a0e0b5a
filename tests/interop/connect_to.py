"""Runs a Python script, `PORT SCRIPT ARGUMENTS...`, with its connections to port 443 led to another port of the loopback interface:
impacket's scripts take no other for a proxy over TLS, and only root may listen there."""

import runpy
import socket
import sys

connect = socket.create_connection
port = int(sys.argv[1])
socket.create_connection = lambda to, *more, **named: connect(("127.0.0.1", port) if to[1] == 443 else to, *more, **named)
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
