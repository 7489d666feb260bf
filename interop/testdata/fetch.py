"""Prints each message of a mailbox, NUL between them: fetch.py SERVER... USER MAILBOX"""
import sys
from server import imap

c = imap(sys.argv[9])
typ, data = c.select('"%s"' % sys.argv[10], readonly=True)
assert typ == "OK", data
if int(data[0]):
    typ, data = c.uid("FETCH", "1:*", "(BODY.PEEK[])")
    assert typ == "OK", data
    sys.stdout.flush()
    sys.stdout.buffer.write(b"\0".join(d[1] for d in data if isinstance(d, tuple)))
c.logout()
