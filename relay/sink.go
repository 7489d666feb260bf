package relay

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"posthorn/mail"
)

// sink writes the message into a folder instead of sending it: one .eml file,
// which appears complete or not at all, with the envelope on top.
func (r *Relay) sink(dir string, m *ready, to []mail.Recipient) mail.Status {
	name, err := writeSink(dir, m, to)
	if err != nil {
		r.log.Error("message cannot be written into its folder", "queue_id", m.QueueID, "error", err)
		return mail.Status{Reply: mail.LocalError}
	}
	reply := mail.OK
	reply.Text = "Written to " + mail.Clean(name)
	return mail.Status{Reply: reply, MTA: "file"}
}

func writeSink(dir string, m *ready, to []mail.Recipient) (name string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, "."+m.QueueID+"-*")
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	w := bufio.NewWriter(f)
	for _, rcpt := range to {
		fmt.Fprintf(w, "X-Envelope-To: <%s>\r\n", rcpt.Path)
	}
	fmt.Fprintf(w, "Return-Path: <%s>\r\n", m.From)
	if err := m.asIs.writeTo(w); err != nil {
		return "", err
	}
	if err := w.Flush(); err != nil {
		return "", err
	}
	if err := f.Sync(); err != nil {
		return "", err
	}
	if err := f.Close(); err != nil {
		return "", err
	}
	name = filepath.Join(dir, strings.TrimPrefix(filepath.Base(f.Name()), ".")+".eml")
	return name, os.Rename(f.Name(), name)
}
