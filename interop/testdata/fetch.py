"""Prints each message of a mailbox, NUL between them: fetch.py SERVER... USER MAILBOX [TEXT]

With TEXT only the first message that has it, which is waited for half a minute."""
import sys, time
from server import imap

c = imap(sys.argv[9])
text = sys.argv[11].encode() if len(sys.argv) > 11 else None
seen, end = 0, time.monotonic() + 30


def new():
    global seen
    typ, data = c.select('"%s"' % sys.argv[10], readonly=True)
    assert typ == "OK", data
    first, seen = seen + 1, int(data[0])
    if seen < first:
        return []
    typ, data = c.fetch("%d:%d" % (first, seen), "(BODY.PEEK[])")
    assert typ == "OK", data
    return [d[1] for d in data if isinstance(d, tuple)]


all = new()
while text is not None:
    all = [m for m in all if text in m][:1]
    if all or time.monotonic() > end:
        break
    time.sleep(0.05)
    all = new()
sys.stdout.flush()
sys.stdout.buffer.write(b"\0".join(all))
c.logout()
