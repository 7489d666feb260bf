"""Submits a message with REQUIRETLS (RFC 8689): from, to, subject."""
import sys
from server import submission, PASSWORD

sender, to, subject = sys.argv[9:12]
c = submission(sender)
assert c.has_extn("requiretls"), c.esmtp_features
c.sendmail(sender, [to], "Subject: %s\r\n\r\nthe secret text\r\n" % subject, mail_options=["REQUIRETLS"])
c.quit()
