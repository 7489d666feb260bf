package mixture

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// session is one connection.
type session struct {
	*Server
	plan
	raw   net.Conn
	c     net.Conn // raw, or TLS on it
	r     *bufio.Reader
	w     *bufio.Writer
	mails int      // transactions begun
	to    []string // recipients accepted
}

func newSession(s *Server, c net.Conn, p plan) *session {
	return &session{Server: s, plan: p, raw: c, c: c, r: bufio.NewReader(c), w: bufio.NewWriter(c)}
}

func (s *session) run() {
	if !s.reply("GREETING", "220 mixture.test ESMTP") {
		return
	}
	for {
		if s.r.Buffered() == 0 && s.w.Flush() != nil {
			return
		}
		line, err := s.r.ReadString('\n')
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		if !s.command(strings.ToUpper(verb), rest) {
			s.w.Flush() // as far as it goes
			return
		}
	}
}

// reply answers at a stage, or plays the fault that is planned for it; false ends
// the connection.
func (s *session) reply(stage, text string) bool {
	if s.fault == "" || s.stage != stage || s.mails < s.after || strings.HasPrefix(s.fault, "TLS") && s.fault != tlsBroke {
		_, err := s.w.WriteString(text + "\r\n")
		return err == nil
	}
	s.play(s.fault + " at " + stage)
	code, _ := strconv.Atoi(text[:3])
	switch s.fault {
	case stalls:
		s.w.Flush()
		time.Sleep(s.stall) // what the fault is
	case floods:
		s.w.WriteString(flood(code))
		s.w.Flush()
	case busy:
		s.w.WriteString("421 4.3.2 Not now\r\n")
		s.w.Flush()
	case tlsBroke:
		s.w.Flush()
		s.raw.Write([]byte{0x17, 3, 3, 0, 200, 1, 2, 3}) // a record that has no end
	}
	return false
}

func (s *session) command(verb, rest string) bool {
	switch verb {
	case "EHLO":
		text := "250-mixture.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
		if _, on := s.c.(*tls.Conn); s.plan.tls && !on {
			text += "250-STARTTLS\r\n"
		}
		if s.chunks {
			text += "250-CHUNKING\r\n"
		}
		return s.reply("EHLO", text+"250 SIZE 10000000")
	case "STARTTLS":
		return s.startTLS()
	case "MAIL":
		s.to = nil
		ok := s.reply("MAIL", "250 2.1.0 Ok")
		s.mails++
		return ok
	case "RCPT":
		return s.rcpt(rest)
	case "DATA":
		return s.data()
	case "BDAT":
		return s.bdat(rest)
	case "RSET", "NOOP":
		s.to = nil
		s.w.WriteString("250 Ok\r\n")
		return true
	case "QUIT":
		s.w.WriteString("221 Bye\r\n")
		return false
	}
	s.w.WriteString("500 5.5.2 What?\r\n")
	return true
}

func (s *session) startTLS() bool {
	switch s.fault {
	case tlsGone:
		s.play(s.fault)
		s.w.WriteString("454 4.7.0 TLS is not available\r\n")
		return true
	case tlsNoise:
		s.play(s.fault)
		s.w.WriteString("220 Ready\r\nthis is no TLS at all\r\n")
		return false
	}
	s.w.WriteString("220 Ready\r\n")
	if s.w.Flush() != nil {
		return false
	}
	t := tls.Server(s.raw, s.Server.tls)
	if t.Handshake() != nil {
		return false
	}
	s.c, s.r, s.w = t, bufio.NewReader(t), bufio.NewWriter(t)
	return true
}

func (s *session) rcpt(rest string) bool {
	text := draw(s.dice, []int{82, 7, 7, 2, 2}, []string{"250 2.1.5 Ok", "450 4.2.1 Come back later", "550 5.1.1 No such user",
		"452 4.5.3 Too many recipients", "451 Something"})
	if !s.reply("RCPT", text) {
		return false
	}
	if text[0] == '2' {
		to, _, _ := strings.Cut(strings.TrimPrefix(strings.ToUpper(rest), "TO:<"), ">")
		s.to = append(s.to, strings.ToLower(to))
	}
	return true
}

func (s *session) data() bool {
	if len(s.to) == 0 {
		s.w.WriteString("554 5.5.1 No valid recipients\r\n")
		return true
	}
	if !s.reply("DATA", "354 Go on") || s.w.Flush() != nil {
		return false
	}
	for {
		line, err := s.r.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			return s.dot()
		}
	}
}

func (s *session) bdat(rest string) bool {
	size, last, _ := strings.Cut(rest, " ")
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil {
		return false
	}
	if _, err := io.CopyN(io.Discard, s.r, n); err != nil {
		return false
	}
	switch {
	case len(s.to) == 0:
		s.w.WriteString("554 5.5.1 No valid recipients\r\n")
		return true
	case !strings.EqualFold(last, "LAST"):
		return s.reply("DATA", "250 2.0.0 Go on")
	}
	return s.dot()
}

// dot ends a transaction: the message is taken, or not, or nobody will know.
func (s *session) dot() bool {
	to := s.to
	s.to = nil
	text := draw(s.dice, []int{76, 8, 6, 5, 5}, []string{"250 2.0.0 Taken", "451 4.3.0 Not now", "554 5.6.0 Not that", "taken", "lost"})
	switch text {
	case "taken", "lost":
		s.play("closed after the dot, " + text)
		if text == "taken" {
			s.took(to, true)
		}
		return false
	}
	ok := s.reply("DOT", text) && s.w.Flush() == nil
	if text[0] == '2' {
		s.took(to, !ok)
	}
	return ok
}
