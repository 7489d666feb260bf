package message

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// crlf makes the line ends of a test's text those of mail.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

const original = "Received: by mx.here.test; Mon, 1 Jan 2024 00:00:00 +0000\nFrom: alice@here.test\nTo: bob@far.test\nMessage-ID: <one@here.test>\nSubject: hi\n"

// formal is a report of RFC 3464 with what a host may write into its parts.
func formal(typ, status, returnedType, returned string) string {
	return crlf("From: MAILER-DAEMON@far.test\nTo: alice@here.test\nSubject: Undelivered\nMIME-Version: 1.0\n" +
		"Content-Type: multipart/report; " + typ + "boundary=\"b/1\"\n\nnotice for old programs\n--b/1\n\nIt did not work.\n\n--b/1\nContent-Type: message/delivery-status\n\n" +
		status + "\n--b/1\nContent-Type: " + returnedType + "\n\n" + returned + "\n--b/1--\n")
}

func TestReadReport(t *testing.T) {
	const dsn = "report-type=delivery-status; "
	const status = "Reporting-MTA: dns; mail.far.test\nArrival-Date: x\n\nOriginal-Recipient: rfc822;bob@far.test\nFinal-Recipient: RFC822; <bob2@far.test>\nAction: Failed (really)\n" +
		"Status: 5.1.1 (bad)\nRemote-MTA: dns;in.far.test\nDiagnostic-Code: smtp; 550 5.1.1\n  no such user; sorry\n\nFinal-Recipient: rfc822;carol@far.test\nAction: delayed\nStatus: 4.4.1\n"
	whole := crlf(original)
	two := "[bob@far.test bob2@far.test failed 5.1.1 in.far.test \"550 5.1.1  no such user; sorry\"] [ carol@far.test delayed 4.4.1  \"\"]"
	for _, c := range []struct {
		what, in string
		is       bool
		want     string // of its recipients
		returned string
	}{
		{"with the message", formal(dsn, status, "message/rfc822", original+"\nHello\n"), true, two, whole},
		{"with its header", formal(dsn, status, "text/rfc822-headers", original), true, two, whole},
		{"of RFC 6533", strings.Replace(formal(dsn, status, "message/global-headers", original), "message/delivery", "message/global-delivery", 1), true, two, whole},
		{"with nothing", formal(dsn, status, "text/plain", "no copy"), true, two, ""},
		{"with an empty header", formal(dsn, status, "text/rfc822-headers", ""), true, two, ""},
		{"without its type", formal("", status, "message/rfc822", original), true, two, whole},
		{"without status", formal(dsn, "", "message/rfc822", original), true, "", whole},
		{"with a recipient's type forgotten", formal(dsn, "Reporting-MTA: mail.far.test\n\nFinal-Recipient: bob@far.test\nAction: failed\n", "text/plain", ""), true, "[ bob@far.test failed   \"\"]", ""},
		{"that somebody read his mail", formal("report-type=disposition-notification; ", "", "message/rfc822", original), false, "", ""},
		{"of abuse", formal("report-type=feedback-report; ", status, "message/rfc822", original), false, "", ""},
		{"of another kind, without a name", crlf("From: a@b\nContent-Type: multipart/report; boundary=x\n\n--x\n\nhi\n--x--\n"), false, "", ""},
		{"inside a list's wrapping", crlf("From: MAILER-DAEMON@x\nContent-Type: multipart/report; " + dsn + "boundary=o\n\n--o\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\ntext\n--i\nContent-Type: text/rfc822-headers; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nMessage-ID: <one=40here.test>\n--i--\n--o--\n"),
			true, "", "Message-ID: <one@here.test>"},
		{"of qmail", crlf("From: MAILER-DAEMON@far.test\nTo: alice@here.test\nSubject: failure notice\n\nHi. This is the qmail-send program at far.test.\n\n<bob@far.test>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <alice@here.test>\n" + original + "\nHello\n"),
			true, "[ bob@far.test failed   \"\"]", "Return-Path: <alice@here.test>\r\n" + whole},
		{"of an old Exim", crlf("X-Failed-Recipients: bob@far.test,\n  carol@far.test\nFrom: Mail Delivery System <Mailer-Daemon@far.test>\nSubject: Mail delivery failed\n\nA message\n\n------ This is a copy of the message, including all the headers. ------\n\n" + original + "\nHello\n"),
			true, "[ bob@far.test failed   \"\"] [ carol@far.test failed   \"\"]", whole},
		{"of an old Exchange", crlf("From: System Administrator <postmaster@far.test>\nSubject: Undeliverable: hi\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nYour message did not reach anybody.\n--x\nContent-Type: message/rfc822\n\n" + original + "\nHello\n--x--\n"),
			true, "", whole},
		{"quoted", crlf("From: postmaster@far.test\n\n  Original message headers:\n\n> Message-ID: <one@here.test>\n> From: a@b\n>\n> Hello\n"), true, "", "Message-ID: <one@here.test>\r\nFrom: a@b\r\n"},
		{"that names no message", crlf("From: MAILER-DAEMON@far.test\n\nIt failed. Below is a copy of the message.\n\nHello Bob,\nhow are you?\n"), false, "", ""},
		{"that brings nothing back", crlf("X-Failed-Recipients: bob@far.test\nFrom: Mailer-Daemon@far.test\n\nIt failed.\n"), false, "", ""},
		{"vacation", crlf("From: bob@far.test\nAuto-Submitted: auto-replied\nSubject: Re: hi\n\nI am away. Here is a copy of the message:\n\n" + original), false, "", ""},
		{"a person who forwards one", crlf("From: bob@far.test\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nLook\n--x\nContent-Type: message/rfc822\n\n" + original + "\n--x--\n"), false, "", ""},
		{"nothing", "", false, "", ""},
	} {
		r, is := ReadReport([]byte(c.in))
		var got []string
		for _, one := range r.Recipients {
			got = append(got, fmt.Sprintf("[%s %s %s %s %s %q]", one.Original, one.Final, one.Action, one.Status, one.RemoteMTA, one.Diagnostic))
		}
		if is != c.is || is && (strings.Join(got, " ") != c.want || string(r.Returned) != c.returned) {
			t.Errorf("a report %s: %v\n got %s\nwant %s\n got %q\nwant %q", c.what, is, strings.Join(got, " "), c.want, r.Returned, c.returned)
		}
	}
	if r, _ := ReadReport([]byte(formal(dsn, status, "message/rfc822", original))); r.ReportingMTA != "mail.far.test" || !r.Formal {
		t.Errorf("got %+v", r)
	}
}

// What a stranger puts into a report is bounded.
func TestReadReportIsBounded(t *testing.T) {
	status := "Reporting-MTA: dns; x\n\n" + strings.Repeat("Final-Recipient: rfc822; a@b\nAction: failed\n\n", 2000)
	r, _ := ReadReport([]byte(formal("report-type=delivery-status; ", status, "text/rfc822-headers", strings.Repeat("X: y\n", 100_000))))
	if len(r.Recipients) != maxReported || len(r.Returned) > maxReturned {
		t.Errorf("%d recipients, %d octets", len(r.Recipients), len(r.Returned))
	}
	marks := crlf("From: postmaster@far.test\n\n" + strings.Repeat("copy of the message\n", 100_000))
	if _, is := ReadReport([]byte(marks)); is {
		t.Error("marks alone are no report")
	}
}

func FuzzReadReport(f *testing.F) {
	f.Add([]byte(formal("report-type=delivery-status; ", "Reporting-MTA: dns;a\n\nFinal-Recipient: rfc822;b@c\nAction: failed\n", "message/rfc822", original)))
	f.Add([]byte(crlf("From: MAILER-DAEMON@a\n\n<bob@far.test>:\nno\n--- Below this line is a copy of the message.\n\n" + original)))
	f.Add([]byte("From: postmaster@a\r\nContent-Type: multipart/report\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, is := ReadReport(b)
		if !is {
			return
		}
		if !r.Formal && r.Returned == nil || len(r.Recipients) > maxReported || len(r.Returned) > maxReturned {
			t.Errorf("%+v", r)
		}
		if r.Returned != nil && bytes.HasPrefix(r.Returned, []byte("\r\n")) {
			t.Errorf("a header that ends at once: %q", r.Returned)
		}
		for _, one := range r.Recipients {
			if strings.ContainsAny(one.Original+one.Final+one.Action+one.Status+one.RemoteMTA+one.Diagnostic, "\n") {
				t.Errorf("a line end in %+v", one)
			}
		}
	})
}
