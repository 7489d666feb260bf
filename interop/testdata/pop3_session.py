"""Python's poplib: sizes, UIDL, TOP, and that nothing goes before QUIT."""
import sys
from server import pop3, pop3_stls, smtp

user = sys.argv[9]
s = smtp()
body = "Subject: pop %d\r\n\r\n.\r\n..two dots\r\nline\r\n"
for n in range(3):
    s.sendmail("stranger@elsewhere.test", [user], body % n)
s.quit()

c = pop3_stls(user)
assert "UIDL" in c.capa() and "TOP" in c.capa() and "PIPELINING" in c.capa(), c.capa()
count, size = c.stat()
assert count == 3, count
uids = c.uidl()[1]
listed = [int(l.split()[1]) for l in c.list()[1]]
assert sum(listed) == size
for n in range(3):
    _, lines, octets = c.retr(n + 1)
    assert sum(len(l) + 2 for l in lines) == listed[n], (lines, listed)
    assert lines[-3:] == [b".", b"..two dots", b"line"], lines
assert len(c.top(1, 1)[1]) < len(c.retr(1)[1])
try:
    pop3(user)
    raise AssertionError("a second session got the lock")
except Exception as e:
    assert b"[IN-USE]" in e.args[0], e
c.dele(2)
c.close()  # no QUIT

import time
for _ in range(100):
    try:
        c = pop3(user)
        break
    except Exception as e:
        assert b"[IN-USE]" in e.args[0], e
        time.sleep(0.05)
assert c.stat()[0] == 3 and c.uidl()[1] == uids
c.dele(2)
c.quit()
c = pop3(user)
assert c.stat()[0] == 2 and [u.split()[1] for u in c.uidl()[1]] == [uids[0].split()[1], uids[2].split()[1]]
c.quit()
print("ok")
