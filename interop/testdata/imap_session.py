"""Python's imaplib through a working day of one mailbox."""
import sys, time
from server import imap, imap_starttls

user = sys.argv[9]
c = imap_starttls(user)


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


for cap in ("IDLE", "UIDPLUS", "MOVE", "UNSELECT", "NAMESPACE", "CHILDREN", "SPECIAL-USE", "LIST-EXTENDED", "ESEARCH",
            "ENABLE", "ID", "LITERAL+", "SASL-IR", "QUOTA", "IMAP4REV1"):
    assert cap in c.capabilities, (cap, c.capabilities)

names = {line.rsplit(b" ", 1)[1].strip(b'"') for line in ok(c.list())}
assert {b"INBOX", b"Drafts", b"Sent", b"Junk", b"Trash", b"Archive"} <= names, names

ok(c.create("Work/2026"))
assert any(b"Work/2026" in l for l in ok(c.list('""', "Work/%")))
raw = b"From: a@b.test\r\nTo: c@d.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nbody with \xc3\xbc\r\n"
for n in range(3):
    data = ok(c.append("INBOX", r"(\Seen Urgent)" if n == 1 else None, '"17-Jul-1996 02:44:25 -0700"', raw.replace(b"body", b"body %d" % n)))
    assert b"APPENDUID" in data[0], data
assert int(ok(c.select("INBOX"))[0]) == 3

assert ok(c.search(None, "SEEN"))[0] == b"2"
assert ok(c.search(None, "KEYWORD", "Urgent"))[0] == b"2"
assert ok(c.search(None, "BODY", '"body 2"'))[0] == b"3"
c.literal = "Grüße".encode()
assert ok(c.search("UTF-8", "SUBJECT"))[0] == b"1 2 3"
assert ok(c.search(None, "SENTBEFORE", "1-Jan-1990"))[0] in (b"", None)
assert ok(c.search(None, "BEFORE", "1-Jan-1997"))[0] == b"1 2 3"

data = ok(c.fetch("1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)"))
assert len(data) == 3 and b"17-Jul-1996 02:44:25 -0700" in data[0], data
data = ok(c.fetch("1", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[TEXT]<5.3>)"))
assert data[0][1] == b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\n", data
assert data[1][1] == b"0 w", data

ok(c.store("1", "+FLAGS", r"(\Flagged)"))
ok(c.copy("1:2", "Work/2026"))
ok(c.uid("MOVE", "3", "Trash"))
assert int(ok(c.select("Trash"))[0]) == 1
assert int(ok(c.select("Work/2026"))[0]) == 2
assert rb"\Flagged" in ok(c.fetch("1", "(FLAGS)"))[0]
ok(c.store("1:*", "+FLAGS.SILENT", r"(\Deleted)"))
assert ok(c.expunge()) in ([b"1", b"1"], [b"2", b"1"])  # either order says it
ok(c.close())

assert c.getquotaroot("INBOX")[0] == "OK"
ok(c.rename("Work/2026", "Work/Old"))
ok(c.subscribe("Work/Old"))
assert any(b"Work/Old" in l for l in ok(c.lsub()))
ok(c.delete("Work/Old"))
assert c.select("Work/Old")[0] == "NO"

# A second session sees what the first does.
ok(c.select("INBOX"))
d = imap(user)
ok(d.select("INBOX"))
ok(d.store("1", "+FLAGS", r"(\Answered)"))
ok(d.append("INBOX", None, None, raw))
ok(c.noop())
assert c.untagged_responses.get("EXISTS", [b""])[-1] == b"3", c.untagged_responses
d.logout()
c.logout()
print("ok")
