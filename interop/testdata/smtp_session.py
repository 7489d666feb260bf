"""Python's smtplib: many recipients, refusals, big messages, UTF-8."""
import smtplib, sys
from server import smtp, submission, imap, PASSWORD

users = sys.argv[9:]
s = smtp()
refused = s.sendmail("stranger@elsewhere.test", users + ["nobody@example.test", "x@foreign.test"],
                     "Subject: many\r\n\r\none of many\r\n")
assert {k: v[0] for k, v in refused.items()} == {"nobody@example.test": 550, "x@foreign.test": 550}, refused
s.ehlo()
assert s.has_extn("8bitmime") and s.has_extn("pipelining") and s.has_extn("smtputf8") and not s.has_extn("auth"), s.esmtp_features
limit = int(s.esmtp_features["size"])
code, _ = s.docmd("MAIL FROM:<stranger@elsewhere.test> SIZE=%d" % (limit + 1))
assert code == 552, code
s.rset()
big = b"Subject: big\r\n\r\n" + (b"x" * 76 + b"\r\n") * 100000
s.sendmail("stranger@elsewhere.test", [users[0]], big)
code, _ = s.docmd("VRFY", users[0])
assert code == 252, code
s.quit()

c = submission(users[0])
c.sendmail(users[0], [users[1]], "Subject: from submission\r\nBcc: hidden@example.test\r\n\r\nhello\r\n".encode())
c.quit()
i = imap(users[1])
i.select("INBOX")
raw = i.fetch("*", "(BODY[])")[1][0][1]
assert b"Bcc" not in raw and b"Message-ID" in raw.replace(b"Message-Id", b"Message-ID") and b"\r\nDate:" in raw, raw
i.logout()
print("ok")
