package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"mime/quotedprintable"
	"strings"
	"time"
)

// letters is a made mailbox: message i is always the same octets, so that it
// can be made where it is needed and nothing of it is kept. A message has about
// textSize octets of text in words of a vocabulary whose frequencies fall as
// those of a language do. Two thirds answer an earlier message.
type letters struct {
	n       int
	text    int // octets of text in each, about
	words   []string
	needles []needle
}

// needle is text that stands in the body of every n/hits-th message, and
// nowhere else.
type needle struct {
	text string
	hits int
}

// The lengths of needles: three octets are the fewest of which an index of
// trigrams can know something.
var needleLengths = []int{3, 4, 5, 6, 8, 12}

const (
	vocabulary = 20_000
	people     = 500
	reach      = 200 // how far back an answer may look
)

var firstLetter = time.Date(2021, 3, 1, 8, 0, 0, 0, time.UTC)

// newLetters plans n messages. For each length there are two needles: one that
// hits 1 % of the messages (at most 1,000) and one that is in none. Neither is
// within any word of the vocabulary; those of six letters and more are made of
// the same syllables as it, so that their parts are everywhere.
func newLetters(n, text int) *letters {
	r := rand.New(rand.NewPCG(5, 7))
	l := &letters{n: n, text: text, words: make([]string, vocabulary)}
	for i := range l.words {
		l.words[i] = syllables(r, 2+r.IntN(9))
	}
	all := strings.Join(l.words, " ") + " attached report html body mailto bench invalid person wrote paragraph"
	for _, length := range needleLengths {
		for _, hits := range []int{max(min(n/100, 1000), 1), 0} {
			l.needles = append(l.needles, needle{l.rare(r, all, length), hits})
		}
	}
	return l
}

// rare makes a word of a length that is not within the text.
func (l *letters) rare(r *rand.Rand, text string, length int) string {
	for {
		w := syllables(r, length)
		if length < 6 {
			b := make([]byte, length)
			for i := range b {
				b[i] = byte('a' + r.IntN(26))
			}
			w = string(b)
		}
		within := strings.Contains(text, w)
		for _, other := range l.needles {
			within = within || strings.Contains(other.text, w) || strings.Contains(w, other.text)
		}
		if !within {
			return w
		}
	}
}

// syllables is a word of n letters.
func syllables(r *rand.Rand, n int) string {
	var b strings.Builder
	for b.Len() < n {
		b.WriteByte("bcdfghklmnprstvw"[r.IntN(16)])
		b.WriteByte("aeiou"[r.IntN(5)])
		if r.IntN(3) == 0 {
			b.WriteByte("lnrst"[r.IntN(5)])
		}
	}
	return b.String()[:n]
}

// rand gives the numbers of message i.
func (l *letters) rand(i int) *rand.Rand { return rand.New(rand.NewPCG(uint64(i), uint64(l.n))) }

func (l *letters) date(i int) time.Time { return firstLetter.Add(time.Duration(i) * 17 * time.Minute) }

// chain is the messages that i answers, from the one that began the conversation
// to the one before it.
func (l *letters) chain(i int) (chain []int) {
	for len(chain) < 12 {
		r := rand.New(rand.NewPCG(uint64(i), 11))
		if i == 0 || r.IntN(3) == 0 {
			break
		}
		i -= 1 + r.IntN(min(i, reach))
		chain = append([]int{i}, chain...)
	}
	return chain
}

func letterID(i int) string { return fmt.Sprintf("<letter.%d@bench.invalid>", i) }

// subjectWord stands in the Subject of every hundredth conversation's messages,
// and one person in fromOne writes every hundredth message.
const (
	subjectWord = "zeppelin"
	fromOne     = "quixote"
	oneIn       = 100
)

func (l *letters) subject(i int) string {
	r := rand.New(rand.NewPCG(uint64(i), 13))
	s := l.word(r) + " " + l.word(r) + " " + l.word(r)
	if r.IntN(oneIn) == 0 {
		s += " " + subjectWord
	}
	return s + fmt.Sprintf(" %d", i)
}

func person(k int) string {
	if k == 0 {
		return "Don Q. <" + fromOne + "@bench.invalid>"
	}
	return fmt.Sprintf("\"Person, No. %d\" <person%d@bench.invalid>", k, k)
}

// word picks a word: the k-th is taken about as often as 1/k says.
func (l *letters) word(r *rand.Rand) string {
	u := r.Float64()
	return l.words[int(float64(len(l.words))*u*u*u*u)]
}

// message makes message i.
func (l *letters) message(i int) []byte {
	r := l.rand(i)
	var b bytes.Buffer
	chain := l.chain(i)
	from := 1 + r.IntN(people-1)
	if i%oneIn == 7 {
		from = 0
	}
	fmt.Fprintf(&b, "Return-Path: <person%d@bench.invalid>\r\nReceived: from out.bench.invalid (out.bench.invalid [192.0.2.%d])\r\n\tby mail.bench.test with ESMTPS id %x;\r\n\t%s\r\n",
		from, from%250, r.Uint64(), l.date(i).Format(time.RFC1123Z))
	subject := l.subject(i)
	if len(chain) > 0 {
		subject = "Re: " + l.subject(chain[0])
	}
	fmt.Fprintf(&b, "From: %s\r\nTo: user1@bench.test, %s\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: %s\r\n",
		person(from), person(1+r.IntN(people-1)), subject, l.date(i).Add(time.Duration(r.IntN(7200)-3600)*time.Second).Format(time.RFC1123Z), letterID(i))
	if n := len(chain); n > 0 {
		b.WriteString("In-Reply-To: " + letterID(chain[n-1]) + "\r\nReferences:")
		for _, k := range chain {
			b.WriteString(" " + letterID(k) + "\r\n")
		}
	}
	b.WriteString("User-Agent: bench\r\nMIME-Version: 1.0\r\n")
	l.body(&b, r, i)
	return b.Bytes()
}

// body writes one of four shapes.
func (l *letters) body(b *bytes.Buffer, r *rand.Rand, i int) {
	boundary := fmt.Sprintf("=_%016x", r.Uint64())
	const plain = "Content-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
	text := l.paragraphs(r, i)
	half := strings.LastIndexByte(text[:len(text)/2], ' ')
	switch k := r.IntN(20); {
	case k < 12:
		b.WriteString(plain + text)
	case k < 15:
		b.WriteString("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
		q := quotedprintable.NewWriter(b)
		q.Write([]byte("Größe, naïveté, Żółw\r\n" + text))
		q.Close()
	case k < 18:
		fmt.Fprintf(b, "Content-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n--%[1]s\r\n%s%s\r\n--%[1]s\r\nContent-Type: text/html; charset=us-ascii\r\n\r\n<html><body>\r\n<p>%s</p>\r\n</body></html>\r\n--%[1]s--\r\n",
			boundary, plain, text[:half], text[half:])
	default:
		junk := make([]byte, 1500)
		for j := range junk {
			junk[j] = byte(r.Uint32())
		}
		fmt.Fprintf(b, "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n--%[1]s\r\n%s%s\r\n--%[1]s\r\nContent-Type: application/octet-stream; name=\"report.bin\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\"report.bin\"\r\n\r\n%s\r\n--%[1]s--\r\n",
			boundary, plain, text, wrap(base64.StdEncoding.EncodeToString(junk)))
	}
}

// paragraphs is the text of message i, with the needles that belong into it.
func (l *letters) paragraphs(r *rand.Rand, i int) string {
	var b strings.Builder
	b.Grow(l.text + 100)
	column := 0
	put := func(w string) {
		if column+len(w) > 72 {
			b.WriteString("\r\n")
			column = 0
			if r.IntN(6) == 0 {
				b.WriteString("\r\n")
			}
		}
		b.WriteString(w)
		b.WriteByte(' ')
		column += len(w) + 1
	}
	size := l.text/2 + r.IntN(l.text)
	for b.Len() < size/4 {
		put(l.word(r))
	}
	for k, nd := range l.needles {
		if nd.hits == 0 {
			continue
		}
		// Each needle begins at a message of its own.
		if at, every := (i+k)%l.n, l.n/nd.hits; at%every == 0 && at/every < nd.hits {
			put(nd.text)
		}
	}
	for b.Len() < size {
		put(l.word(r))
	}
	b.WriteString("\r\n")
	return b.String()
}

func wrap(s string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\r\n")
		s = s[76:]
	}
	return b.String() + s
}
