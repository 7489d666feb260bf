"""Appends the NUL-separated messages of a file to INBOX: append.py SERVER... USER FILE"""
import sys
from server import imap

c = imap(sys.argv[9])
for m in open(sys.argv[10], "rb").read().split(b"\0"):
    if m:
        typ, data = c.append("INBOX", None, None, m)
        assert typ == "OK", (data, m[:300])
c.logout()
print("ok")
