"""Reads reports (file names as arguments) with Python's email package and holds
what RFC 6522 and 3464 say of them. Prints Action, Status and Final-Recipient."""
import email
import email.policy
import sys


def check(name):
    with open(name, "rb") as f:
        msg = email.message_from_binary_file(f, policy=email.policy.default)

    def must(ok, what):
        if not ok:
            sys.exit(f"{name}: {what}")

    for part in msg.walk():
        must(not part.defects, f"defects of {part.get_content_type()}: {part.defects}")
        for field, value in part.items():
            must(not getattr(value, "defects", None), f"{field}: {getattr(value, 'defects', None)}")
            must("\ufffd" not in str(value) and "=?" not in str(value), f"{field}: {value}")
    must(msg.get_content_type() == "multipart/report", msg.get_content_type())
    must(msg["Auto-Submitted"] == "auto-replied" and msg["Message-ID"] and msg["Date"].datetime and msg["Subject"], "header")
    parts = list(msg.iter_parts())
    must(2 <= len(parts) <= 3, f"{len(parts)} parts")
    must(parts[0].get_content_type() == "multipart/alternative", parts[0].get_content_type())
    texts = [p.get_content_type() for p in parts[0].iter_parts()]
    must(texts == ["text/plain", "text/html"], texts)
    for p in parts[0].iter_parts():
        must(p["Content-Language"] and p.get_content().strip(), "an empty text")
    status = parts[1]
    kind = msg.get_param("report-type")
    must(status.get_content_type() == "message/" + kind, f"{status.get_content_type()} in a report of {kind}")
    if kind == "delivery-status":  # Python reads the fields of this one
        groups = status.get_payload()
        must(groups[0]["Reporting-MTA"] and groups[0]["Arrival-Date"], "no fields about the message")
        must(len(groups) > 1, "no recipient")
        for g in groups[1:]:
            for field in ("Final-Recipient", "Action", "Status", "Final-Log-ID"):
                must(g[field], "no " + field)
            print(name, g["Action"], g["Status"], g["Final-Recipient"])
    must(parts[-1].get_content_type() in ("text/rfc822-headers", "message/rfc822", "message/global-headers"), parts[-1].get_content_type())


for file in sys.argv[1:]:
    check(file)
