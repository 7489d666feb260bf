package pop3d

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
)

// retr is RETR.
func (s *session) retr(ctx context.Context, arg string) error {
	return s.send(ctx, arg, everything)
}

// top is TOP: the header, the empty line and n lines of the body. Some clients
// ask for very many lines instead of RETR.
func (s *session) top(ctx context.Context, arg string) error {
	number, lines, ok := strings.Cut(strings.TrimSpace(arg), " ")
	n, err := strconv.ParseUint(strings.TrimSpace(lines), 10, 63)
	if !ok || err != nil && !errors.Is(err, strconv.ErrRange) {
		return refusal("TOP needs a message number and a number of lines")
	}
	return s.send(ctx, number, int64(min(n, everything)))
}

// everything is more lines than a message has.
const everything = 1<<62 - 1

func (s *session) send(ctx context.Context, number string, bodyLines int64) error {
	i, err := s.drop.number(number)
	if err != nil {
		return err
	}
	m := s.drop.messages[i]
	r, err := s.drop.box.Open(ctx, m)
	if err != nil {
		return err
	}
	defer r.Close()
	s.ok("%d octets", octets(m))
	if err := stuff(s.w, r, bodyLines); err != nil {
		// Half a message was sent: only a lost connection tells the client so.
		s.log.Error("sending a message broke", "account", s.drop.login, "error", err)
		s.conn.Close()
		s.ended = true
		return nil
	}
	if bodyLines == everything {
		s.drop.retrieved++
	}
	return s.end()
}

// stuff copies the header and as many lines of the body as asked for,
// byte-stuffed: a line that starts with "." gets another (RFC 1939 §3). What is
// sent ends with CRLF: a client looks for its end behind one.
func stuff(w *bufio.Writer, r io.Reader, bodyLines int64) error {
	br, free := buffered(r)
	defer free()
	start, header := true, true // of a line; within the header
	last := [2]byte{'\r', '\n'} // octets of the line before
	for header || bodyLines > 0 {
		b, err := br.ReadSlice('\n')
		if start && len(b) > 0 && b[0] == '.' {
			w.WriteByte('.')
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		for _, c := range b[max(0, len(b)-2):] {
			last = [2]byte{last[1], c}
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull): // a long line: this is not its end
			start = false
			continue
		case errors.Is(err, io.EOF):
			return endLine(w, last)
		case err != nil:
			return err
		case header:
			header = !(start && (string(b) == "\r\n" || string(b) == "\n"))
		default:
			bodyLines--
		}
		start = true
	}
	return endLine(w, last)
}

// endLine sends the CRLF that a line, of which these octets are the last, lacks.
func endLine(w *bufio.Writer, last [2]byte) (err error) {
	if last != [2]byte{'\r', '\n'} {
		_, err = w.WriteString("\r\n")
	}
	return err
}
