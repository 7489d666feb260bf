"""Prints what INBOX holds in numbers: flags.py SERVER... USER"""
import sys
from server import imap

c = imap(sys.argv[9])
n = int(c.select("INBOX", readonly=True)[1][0])
count = lambda key: len((c.search(None, key)[1][0] or b"").split())
print("messages=%d seen=%d flagged=%d" % (n, count("SEEN"), count("FLAGGED")))
c.logout()
