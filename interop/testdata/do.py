"""One command in a mailbox: do.py SERVER... USER MAILBOX COMMAND ARGUMENT..."""
import sys
from server import imap

c = imap(sys.argv[9])
typ, data = c.select('"%s"' % sys.argv[10])
assert typ == "OK", data
command, args = sys.argv[11], sys.argv[12:]
typ, data = c.expunge() if command == "EXPUNGE" else c.uid(command, *args)
assert typ == "OK", data
print(data)
c.logout()
