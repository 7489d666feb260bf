"""Prints what INBOX holds in numbers: flags.py SERVER... USER"""
import sys
from server import imap

c = imap(sys.argv[9])
n = int(c.select("INBOX", readonly=True)[1][0])
count = lambda key: len((c.search(None, key)[1][0] or b"").split())
uidnext = c.response("UIDNEXT")[1][0].decode()
print("messages=%d seen=%d flagged=%d uidnext=%s" % (n, count("SEEN"), count("FLAGGED"), uidnext))
c.logout()
