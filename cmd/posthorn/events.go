package main

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"posthorn/mail"
)

// events is the slog.Handler of `try`: one readable line for each thing that
// happens, in colour on a terminal. The fixed keys that tell a message's way
// come first, without their names.
type events struct {
	w      *lineWriter
	level  slog.Leveler
	colour bool
	attrs  []slog.Attr
	group  string // with its dot
}

// lineWriter keeps the lines of many sessions apart.
type lineWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func newEvents(w io.Writer, level slog.Leveler, colour bool) *events {
	return &events{w: &lineWriter{w: w}, level: level, colour: colour}
}

// Enabled goes by the level.
func (h *events) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

// WithAttrs keeps attributes for every line.
func (h *events) WithAttrs(as []slog.Attr) slog.Handler {
	n := *h
	n.attrs = slices.Clone(h.attrs)
	for _, a := range as {
		n.attrs = append(n.attrs, h.named(a))
	}
	return &n
}

// WithGroup puts a name before the attributes that follow.
func (h *events) WithGroup(name string) slog.Handler {
	n := *h
	if name != "" {
		n.group += name + "."
	}
	return &n
}

func (h *events) named(a slog.Attr) slog.Attr {
	a.Key = h.group + a.Key
	return a
}

// Terminal colours.
const (
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	plain  = "\x1b[0m"
)

// Handle writes one line:
//
//	18:20:31  delivered  a@b.example → user1@example.test  250 2.1.5 Delivered  took=4ms
//
// A transaction that was accepted is left out: what became of its recipients
// has a line each. One that was not is called what it is.
func (h *events) Handle(_ context.Context, r slog.Record) error {
	attrs := slices.Clone(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, h.named(a))
		return true
	})
	status, hasStatus := take(&attrs, "status")
	if r.Message == "smtp transaction" {
		if strings.HasPrefix(status, "2") {
			return nil
		}
		r.Message = "refused"
		take(&attrs, "queue_id") // it leads nowhere
	}
	var b strings.Builder
	h.paint(&b, dim, r.Time.Format(time.TimeOnly))
	h.paint(&b, levelColour(r.Level), "  "+mail.Clean(r.Message))
	from, hasFrom := take(&attrs, "from")
	to, hasTo := take(&attrs, "to")
	switch {
	case hasFrom && hasTo:
		b.WriteString("  " + or(from, "<>") + " → " + to)
	case hasFrom:
		b.WriteString("  from " + or(from, "<>"))
	case hasTo:
		b.WriteString("  to " + to)
	}
	if hasStatus && status != "" {
		h.paint(&b, statusColour(status), "  "+status)
	}
	take(&attrs, "session") // of no use to somebody who watches
	for _, a := range attrs {
		if v := value(a); v != "" {
			h.paint(&b, dim, "  "+a.Key+"="+v)
		}
	}
	b.WriteByte('\n')
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	_, err := io.WriteString(h.w.w, b.String())
	return err
}

func (h *events) paint(b *strings.Builder, colour, s string) {
	if !h.colour || colour == "" {
		b.WriteString(s)
		return
	}
	b.WriteString(colour + s + plain)
}

func levelColour(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return red
	case l >= slog.LevelWarn:
		return yellow
	}
	return ""
}

// statusColour goes by the class of a reply (RFC 5321 §4.2.1).
func statusColour(status string) string {
	switch status[0] {
	case '2':
		return green
	case '4':
		return yellow
	case '5':
		return red
	}
	return ""
}

// take removes the attribute called key and gives its value.
func take(attrs *[]slog.Attr, key string) (string, bool) {
	i := slices.IndexFunc(*attrs, func(a slog.Attr) bool { return a.Key == key })
	if i < 0 {
		return "", false
	}
	v := value((*attrs)[i])
	*attrs = slices.Delete(*attrs, i, i+1)
	return v, true
}

// value shows an attribute. What a stranger wrote cannot move the cursor.
func value(a slog.Attr) string {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindDuration {
		return v.Duration().Round(100 * time.Microsecond).String()
	}
	return mail.Clean(v.String())
}
