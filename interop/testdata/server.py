"""Connections to the server under test; its addresses are the arguments."""
import imaplib, poplib, smtplib, socket, ssl, sys

SMTP, SUBMISSION, IMAP, IMAPS, POP3, POP3S, CA, PASSWORD = sys.argv[1:9]
context = ssl.create_default_context(cafile=CA)
context.check_hostname = False  # the name is not in the DNS
imaplib._MAXLINE = 10_000_000


def place(addr):
    host, port = addr.rsplit(":", 1)
    return host, int(port)


def imap(user):
    c = imaplib.IMAP4_SSL(*place(IMAPS), ssl_context=context)
    # imaplib sends a literal and its line end apart; Nagle would hold the second
    c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    c.login(user, PASSWORD)
    return c


def imap_starttls(user):
    c = imaplib.IMAP4(*place(IMAP))
    c.starttls(context)
    c.login(user, PASSWORD)
    return c


def pop3(user):
    c = poplib.POP3_SSL(*place(POP3S), context=context)
    c.user(user)
    c.pass_(PASSWORD)
    return c


def pop3_stls(user):
    c = poplib.POP3(*place(POP3))
    c.stls(context)
    c.user(user)
    c.pass_(PASSWORD)
    return c


def smtp():
    return smtplib.SMTP(*place(SMTP), local_hostname="client.elsewhere.test")


def submission(user):
    c = smtplib.SMTP(*place(SUBMISSION), local_hostname="client.elsewhere.test")
    c.starttls(context=context)
    c.login(user, PASSWORD)
    return c
