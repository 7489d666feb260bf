// Package corpus makes mail for tests and benchmarks from a seed: the same
// seed gives the same octets. The messages are legal as well as odd, such as
// are found in real mailboxes: multiparts, eight-bit text, attached messages,
// folded and missing headers, long lines. Line ends are CRLF.
package corpus

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Message is one made message. ID is its Message-ID with angle brackets, or
// its content's only mark when the kind has no Message-ID.
type Message struct {
	ID    string
	Kind  string
	Bytes []byte
}

// Make makes n messages of every kind in turn.
func Make(seed uint64, n int) []Message {
	g := &gen{r: rand.New(rand.NewPCG(seed, 0x706f7374))}
	out := make([]Message, n)
	for i := range out {
		k := kinds[i%len(kinds)]
		g.id = fmt.Sprintf("<corpus.%d.%d@corpus.test>", seed, i)
		g.n = i
		out[i] = Message{ID: g.id, Kind: k.name, Bytes: k.make(g)}
	}
	return out
}

// Plain makes one plain message of about size octets.
func Plain(seed uint64, id string, size int) []byte {
	g := &gen{r: rand.New(rand.NewPCG(seed, 1)), id: id}
	var b bytes.Buffer
	b.WriteString(g.head("text/plain; charset=us-ascii", "7bit"))
	for b.Len() < size-2 {
		line := g.line(60 + g.r.IntN(16))
		b.WriteString(line[:min(len(line), max(size-2-b.Len(), 1))] + "\r\n")
	}
	return b.Bytes()
}

var kinds = []struct {
	name string
	make func(*gen) []byte
}{
	{"plain", (*gen).plain},
	{"alternative", (*gen).alternative},
	{"attachment", (*gen).attachment},
	{"8bit", (*gen).eightBit},
	{"nested", func(g *gen) []byte { return g.nested(1 + g.r.IntN(3)) }},
	{"folded", (*gen).folded},
	{"latin1", (*gen).latin1},
	{"bare", (*gen).bare},
	{"longline", (*gen).longLine},
	{"report", (*gen).report},
	{"odd", (*gen).odd},
	{"empty", (*gen).empty},
}

type gen struct {
	r  *rand.Rand
	id string
	n  int
}

var words = strings.Fields(`the mail arrives when nobody waits for it and a letter of two pages says more than a call
about weather harvest prices ships engines music bread winter garden signal river stone paper lamp window bridge meeting
invoice report holiday ticket quarter budget draft review release house school train coffee question answer`)

var people = []string{
	"Ada Byron <ada@corpus.test>", `"Hopper, Grace" <grace@corpus.test>`, "linus@corpus.test",
	"=?utf-8?q?Zo=C3=AB_M=C3=BCller?= <zoe@corpus.test>", "=?iso-8859-1?Q?Andr=E9?= <andre@corpus.test>",
	`"quoted \"inner\" name" <quoted@corpus.test>`, "(comment) bob@corpus.test (Bob)", `"odd local"@corpus.test`,
}

func (g *gen) word() string   { return words[g.r.IntN(len(words))] }
func (g *gen) person() string { return people[g.r.IntN(len(people))] }

func (g *gen) line(n int) string {
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(g.word())
		b.WriteByte(' ')
	}
	return strings.TrimRight(b.String(), " ")
}

func (g *gen) text(lines int) string {
	var b strings.Builder
	for range lines {
		switch g.r.IntN(12) {
		case 0:
			b.WriteString("\r\n")
		case 1:
			b.WriteString(".\r\n") // must be stuffed
		case 2:
			b.WriteString("From " + g.line(30) + "\r\n")
		default:
			b.WriteString(g.line(20+g.r.IntN(50)) + "\r\n")
		}
	}
	return b.String()
}

func (g *gen) date() string {
	t := time.Date(2024, 1, 1, 8, 0, 0, 0, time.FixedZone("", (g.r.IntN(27)-12)*3600)).Add(time.Duration(g.r.IntN(900*24*3600)) * time.Second)
	return t.Format("Mon, 2 Jan 2006 15:04:05 -0700")
}

func (g *gen) top() string {
	h := fmt.Sprintf("From: %s\r\nTo: %s\r\nSubject: %s %d\r\nDate: %s\r\nMessage-ID: %s\r\n", g.person(), g.person(), g.line(10+g.r.IntN(50)), g.n, g.date(), g.id)
	if g.r.IntN(3) == 0 {
		h += "Cc: " + g.person() + ",\r\n " + g.person() + "\r\n"
	}
	if g.n > 0 && g.r.IntN(3) == 0 {
		ref := strings.Replace(g.id, fmt.Sprintf(".%d@", g.n), fmt.Sprintf(".%d@", g.r.IntN(g.n)), 1)
		h += "In-Reply-To: " + ref + "\r\nReferences: " + ref + "\r\n"
	}
	return h
}

func (g *gen) head(contentType, cte string) string {
	return g.top() + "MIME-Version: 1.0\r\nContent-Type: " + contentType + "\r\nContent-Transfer-Encoding: " + cte + "\r\n\r\n"
}

func (g *gen) plain() []byte {
	return []byte(g.head("text/plain; charset=us-ascii", "7bit") + g.text(5+g.r.IntN(40)))
}

func (g *gen) boundary() string { return fmt.Sprintf("=_b%08x", g.r.Uint32()) }

func (g *gen) alternative() []byte {
	b := g.boundary()
	return []byte(g.head("multipart/alternative;\r\n\tboundary=\""+b+"\"", "7bit") +
		"This is a multi-part message.\r\n--" + b + "\r\nContent-Type: text/plain\r\n\r\n" + g.text(5) +
		"\r\n--" + b + "\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<html><body><p>" +
		g.line(40) + " caf=C3=A9=\r\n</p></body></html>\r\n--" + b + "--\r\nepilogue\r\n")
}

func (g *gen) attachment() []byte {
	b := g.boundary()
	data := make([]byte, 500+g.r.IntN(20000))
	for i := range data {
		data[i] = byte(g.r.Uint32())
	}
	enc := base64.StdEncoding.EncodeToString(data)
	var body strings.Builder
	for len(enc) > 76 {
		body.WriteString(enc[:76] + "\r\n")
		enc = enc[76:]
	}
	body.WriteString(enc)
	return []byte(g.head("multipart/mixed; boundary="+b[2:], "7bit") +
		"--" + b[2:] + "\r\n\r\n" + g.text(4) + "\r\n--" + b[2:] +
		"\r\nContent-Type: application/pdf;\r\n name*0*=utf-8''%e2%82%ac%20;\r\n name*1=\"rate.pdf\"\r\nContent-Disposition: attachment; filename=\"rate.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		body.String() + "\r\n--" + b[2:] + "--\r\n")
}

func (g *gen) eightBit() []byte {
	return []byte(g.head("text/plain; charset=utf-8", "8bit") + "Grüße aus Köln, naïve façade, 日本語のメール, Привет\r\n" + g.text(6))
}

func (g *gen) latin1() []byte {
	return append([]byte(g.head("text/plain; charset=iso-8859-1", "8bit")), []byte("Gr\xfc\xdfe, d\xe9j\xe0 vu\r\n"+g.text(3))...)
}

func (g *gen) nested(depth int) []byte {
	inner := g.plain()
	if depth > 1 {
		inner = g.nested(depth - 1)
	}
	b := g.boundary()
	return []byte(g.head("multipart/mixed; boundary=\""+b+"\"", "8bit") + "--" + b + "\r\nContent-Type: text/plain\r\n\r\nforwarded:\r\n--" + b +
		"\r\nContent-Type: message/rfc822\r\nContent-Disposition: inline\r\n\r\n" + string(inner) + "\r\n--" + b + "--\r\n")
}

func (g *gen) folded() []byte {
	var refs strings.Builder
	for i := range 30 {
		fmt.Fprintf(&refs, "\r\n <old.%d.%d@corpus.test>", g.n, i)
	}
	return []byte("Received: from a.test (a.test [192.0.2.1])\r\n\tby b.test with ESMTP id x;\r\n\tMon, 1 Jan 2024 00:00:00 +0000\r\n" +
		g.top() + "X-Long:" + strings.Repeat("\r\n\t"+g.line(60), 8) + "\r\nReferences:" + refs.String() + "\r\nX-Empty:\r\nX-Tab:\tvalue\r\n\r\n" + g.text(3))
}

// bare has no MIME fields, no Subject and no Date.
func (g *gen) bare() []byte {
	return []byte("From: someone@corpus.test\r\nMessage-Id: " + g.id + "\r\n\r\n" + g.text(2))
}

// longLine goes over the 998 octets of RFC 5322 §2.1.1, as real mail does.
func (g *gen) longLine() []byte {
	return []byte(g.head("text/html; charset=us-ascii", "7bit") + "<html>" + strings.Repeat("<td>"+g.word()+"</td>", 400) + "</html>\r\n")
}

func (g *gen) report() []byte {
	b := g.boundary()
	return []byte(g.head("multipart/report; report-type=delivery-status; boundary=\""+b+"\"", "7bit") + "--" + b + "\r\n\r\nIt failed.\r\n--" + b +
		"\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; corpus.test\r\n\r\nFinal-Recipient: rfc822; x@corpus.test\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--" + b +
		"\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: lost\r\n\r\n--" + b + "--\r\n")
}

// odd breaks rules that real mail breaks: a nameless line and an mbox line in
// the header, a charset nobody knows, an encoded word cut in half, a
// multipart whose boundary never comes.
func (g *gen) odd() []byte {
	return []byte(g.top() + ">From somebody Mon Jan  1 00:00:00 2024\r\nno colon here\r\nX-Word: =?utf-8?q?cut=C3\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=\"never\"; charset=x-unknown\r\n\r\n" + g.text(4))
}

func (g *gen) empty() []byte {
	return []byte(g.head("text/plain", "7bit"))
}
