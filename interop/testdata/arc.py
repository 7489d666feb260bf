# ARC by dkimpy, for arc_test.go:
#   arc.py verify                                    < message   prints the state of its chain, and why
#   arc.py sign SELECTOR DOMAIN KEYFILE SERVICE      < message   prints the message with one set more
# TXT records come from the environment: RECORDS is lines of "name text".
import os
import sys

import dkim

records = dict(line.split(" ", 1) for line in os.environ.get("RECORDS", "").splitlines())


def txt(name, timeout=5):
    return records.get(name.decode().rstrip("."), "").encode()


message = sys.stdin.buffer.read()
if sys.argv[1] == "verify":
    state, _, reason = dkim.arc_verify(message, dnsfunc=txt)
    print(state.decode(), reason)
else:
    selector, domain, keyfile, service = sys.argv[2:]
    with open(keyfile, "rb") as f:
        fields = dkim.arc_sign(message, selector.encode(), domain.encode(), f.read(), service.encode())
    sys.stdout.buffer.write(b"".join(fields) + message)
