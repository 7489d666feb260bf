package queue

import (
	"context"
	"fmt"
	"strings"

	"posthorn/mail"
	"posthorn/queue/words"
)

// alarm tells the administrator of a reply that only he can do something about:
// our address is on a blocklist, our login or our set-up is refused. The letter
// has the words of the reply's kind, with what is known filled in.
func (d *draft) alarm(ctx context.Context, r result) error {
	v, w := lookup(r.status.Reply)
	if v.notice == "" || !r.shared.IsZero() {
		return nil
	}
	n := Notice{Kind: string(w.kind), Key: r.Destination, Subject: fmt.Sprintf(v.notice, r.Destination)}
	if !v.host {
		n.Key = d.cfg.Hostname // it is one thing to mend, whoever complains
	}
	n.Text = d.alarmText(r, v, w)
	return d.notify(ctx, n)
}

func (d *draft) alarmText(r result, v verdict, w row) string {
	var b strings.Builder
	host := r.Destination
	if r.status.MTA != "" {
		host = r.status.MTA
	}
	fmt.Fprintf(&b, "The mail server %s does not take our mail for %s. It says:\n\n", mail.Clean(host), mail.Clean(r.Destination))
	for line := range strings.SplitSeq(r.status.Reply.String(), "\n") {
		fmt.Fprintf(&b, "    %s\n", mail.Clean(line))
	}
	p := Classify(r.status.Reply).Params
	if p == nil {
		p = make(words.Params)
	}
	p["server"], p["hostname"], p["domain"] = mail.Clean(host), d.cfg.Hostname, mail.Clean(r.Destination)
	if p["ip"] == "" && r.status.Link.Local.IsValid() {
		p["ip"] = r.status.Link.Local.String()
	}
	for _, hint := range words.Of(words.English).Kind(w.kind, p).Admin {
		fmt.Fprintf(&b, "\n%s\n", hint)
	}
	switch {
	case v.probe > 0:
		fmt.Fprintf(&b, "\nMail for %s waits. One message asks again every %d minutes, and when it is taken the others follow. ", mail.Clean(r.Destination), int(v.probe.Minutes()))
		if v.limit > 0 {
			fmt.Fprintf(&b, "What waits for more than %d hours goes back to its sender. ", int(v.limit.Hours()))
		}
		fmt.Fprintf(&b, "To ask at once:\n\n    posthorn queue retry --destination %s\n", mail.Clean(r.Destination))
	case v.fate == retry && v.wait > 0:
		fmt.Fprintf(&b, "\nMail for %s waits, and is tried again every hour.\n", mail.Clean(r.Destination))
	}
	return b.String()
}
