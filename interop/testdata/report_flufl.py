"""Reads failure reports (file names as arguments) with flufl.bounce, which mailing
list managers use. Prints what it finds: file, "failed" or "delayed", addresses."""
import email
import sys

from flufl.bounce import all_failures

for name in sys.argv[1:]:
    with open(name, "rb") as f:
        temporary, permanent = all_failures(email.message_from_binary_file(f))
    for word, found in (("delayed", temporary), ("failed", permanent)):
        for address in sorted(found):
            print(name, word, address.decode())
