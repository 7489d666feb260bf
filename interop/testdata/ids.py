"""Prints the Message-IDs of INBOX: ids.py SERVER... USER"""
import re, sys
from server import imap

c = imap(sys.argv[9])
if int(c.select("INBOX", readonly=True)[1][0]):
    for d in c.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")[1]:
        if isinstance(d, tuple):
            print(re.search(rb"<[^>]*>", d[1]).group().decode())
c.logout()
