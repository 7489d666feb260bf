package client

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"posthorn/mail"
)

// Bounds of a reply. RFC 5321 §4.5.3.1.5 allows a line 512 octets; servers are
// longer-winded, and some are hostile.
const (
	maxLine  = 4096      // octets of a line that are looked at; the rest is passed over
	maxLines = 200       // lines of one reply
	maxReply = 64 * 1024 // octets of one reply
	maxKept  = 1024      // octets of its text that are kept
)

// ErrGarbled is the kind of an answer that is no SMTP reply. The session cannot
// go on: nobody knows what the next line would answer.
var ErrGarbled = errors.New("not an SMTP reply")

// readReply reads one reply of RFC 5321 §4.2, from 200 to 599, with its
// enhanced code (RFC 2034) where it has one. Lines ended by a bare LF are taken;
// where the codes of a reply's lines differ the last one counts. Text is cleaned
// for quoting: its lines are separated by "\n" and hold no control characters.
func readReply(r *bufio.Reader) (mail.Reply, error) {
	var lines []string
	total := 0
	for range maxLines {
		line, n, err := readLine(r, maxReply-total)
		if err != nil {
			return mail.Reply{}, err
		}
		total += n
		code, last, text, ok := splitLine(line)
		if !ok {
			return mail.Reply{}, fmt.Errorf("%w: %q", ErrGarbled, mail.Clean(cut(line, 80)))
		}
		lines = append(lines, text)
		if last {
			return makeReply(code, lines), nil
		}
	}
	return mail.Reply{}, fmt.Errorf("%w: it has no end", ErrGarbled)
}

// readLine reads to the next LF and gives the line without its end, at most
// maxLine octets of it, and how many octets were read. It gives up after limit.
func readLine(r *bufio.Reader, limit int) (line string, n int, err error) {
	var b []byte
	for {
		part, err := r.ReadSlice('\n')
		n += len(part)
		if room := maxLine - len(b); room > 0 {
			b = append(b, part[:min(room, len(part))]...)
		}
		switch {
		case n > limit:
			return "", n, fmt.Errorf("%w: it has no end", ErrGarbled)
		case err == nil:
			return strings.TrimRight(string(b), "\r\n"), n, nil
		case errors.Is(err, io.EOF):
			return "", n, io.ErrUnexpectedEOF
		case !errors.Is(err, bufio.ErrBufferFull):
			return "", n, err
		}
	}
}

// splitLine takes a reply line apart: three digits, then a hyphen when more
// lines follow, or a space, or nothing.
func splitLine(line string) (code int, last bool, text string, ok bool) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || !isDigit(line[1]) || !isDigit(line[2]) {
		return 0, false, "", false
	}
	code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	if len(line) == 3 {
		return code, true, "", true
	}
	if line[3] != '-' && line[3] != ' ' {
		return 0, false, "", false
	}
	return code, line[3] == ' ', line[4:], true
}

// makeReply puts the lines of a reply together. An enhanced code whose class is
// not the reply's first digit is corrected, for the first digit decides, and
// stays to be seen in the text.
func makeReply(code int, lines []string) mail.Reply {
	reply := mail.Reply{Code: code}
	var kept []string
	room := maxKept
	for _, l := range lines {
		x, rest, ok := splitEnhanced(l)
		if ok {
			reply.X = mail.EnhancedCode{code / 100, x[1], x[2]}
			if x[0] == code/100 {
				l = rest
			}
		}
		l = strings.TrimSpace(cut(mail.Clean(l), room))
		room -= len(l)
		kept = append(kept, l)
	}
	reply.Text = strings.TrimRight(strings.Join(kept, "\n"), "\n")
	return reply
}

// splitEnhanced reads the enhanced code of RFC 3463 §2 that begins a text.
func splitEnhanced(s string) (x mail.EnhancedCode, rest string, ok bool) {
	word, rest, _ := strings.Cut(s, " ")
	digits := strings.Split(word, ".")
	if len(digits) != 3 || len(digits[0]) != 1 || digits[0] < "2" || digits[0] > "5" || digits[0] == "3" {
		return x, "", false
	}
	for i, d := range digits {
		if d == "" || len(d) > 3 {
			return x, "", false
		}
		for j := 0; j < len(d); j++ {
			if !isDigit(d[j]) {
				return x, "", false
			}
			x[i] = x[i]*10 + int(d[j]-'0')
		}
	}
	return x, rest, true
}

// cut shortens s to at most n octets, at the start of a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
