package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"posthorn/internal/dns"
	"posthorn/mail"
	"posthorn/mail/batv"
	"posthorn/mail/srs"
	"posthorn/message"
	"posthorn/store"
)

// Ours is what is known of our own people and their mail. *store.Store is one.
type Ours interface {
	FindSent(ctx context.Context, messageID string, sender mail.Path, to []mail.Path) (store.Sent, error)
	Address(ctx context.Context, p mail.Path) (store.Address, error)
	DKIMKeys(ctx context.Context, domain string) ([]store.DKIMKey, error)
}

// reports judges delivery reports. Whoever writes "your mail could not be
// delivered" below a forged original is read by everyone: so a report is believed
// when what it brings back was sent from here by the account it is for, as the
// sent log or a DKIM signature of ours shows, or when it comes to the return path
// that our mail left with, and else is junk. A report that brings nothing back
// proves nothing either way, and is mail like any other.
//
// Where our mail leaves with tagged return paths (BATV), a report that nothing
// proves is refused, also when it brings nothing back. One to the plain address
// that the log or a signature proves is taken still: it is about mail from before
// that was switched on, or its writer knows better than to use the return path.
//
// What is proven is that the writer has seen the header, or the envelope, of a mail
// that went out from here within thirty days: its recipients, and those they showed
// it to.
type reports struct {
	batv bool
	ours Ours
	dns  *dns.Resolver
	log  *slog.Logger
}

func (r reports) check(ctx context.Context, t *Transaction) error {
	// A program that is wrong about the return path is still writing a report.
	if !t.Envelope.From.IsNull() && !strings.Contains(strings.ToLower(t.Header.Get("Content-Type")), "multipart/report") {
		return nil
	}
	report, ok, err := readReport(t.Content)
	if err != nil || !ok || !t.Envelope.From.IsNull() && !report.Formal {
		return err
	}
	for _, to := range t.Envelope.To {
		judged, err := r.judge(ctx, t, report, to.Path)
		if err != nil {
			return fmt.Errorf("judge a report to %s: %w", to.Path, err)
		}
		t.Returned = append(t.Returned, judged.about...)
		if judged.forged && r.refuses(t, to.Path) {
			return mail.ForgedBounce.With(to.Path)
		}
		if judged.forged {
			r.log.Info("a report about mail that nobody here sent is junk", "peer", t.Remote.String(), "to", to.Path.String(), "message_id", judged.messageID)
			t.junk()
		}
	}
	return nil
}

// refuses tells whether a report to p should have come to a tagged address. Those
// with a return path of their own are written by programs that may take an address
// from anywhere.
func (r reports) refuses(t *Transaction, p mail.Path) bool {
	return r.batv && t.Envelope.From.IsNull() && batv.Fits(p)
}

func readReport(content mail.Content) (r message.Report, ok bool, err error) {
	body, err := content.Open()
	if err != nil {
		return r, false, fmt.Errorf("read a report: %w", err)
	}
	defer body.Close()
	b, err := io.ReadAll(io.LimitReader(body, message.MaxReport))
	if err != nil {
		return r, false, fmt.Errorf("read a report: %w", err)
	}
	r, ok = message.ReadReport(b)
	return r, ok, nil
}

// judgement of a report for one recipient of it. The zero value leaves it as it
// is.
type judgement struct {
	about     []mail.Returned // genuine, and about this
	forged    bool
	messageID string
}

// judge asks whether a report to p is about mail that p's owner sent.
func (r reports) judge(ctx context.Context, t *Transaction, report message.Report, p mail.Path) (judgement, error) {
	// Who complains to postmaster may quote what he likes. A bounce of forwarded mail
	// goes on to who wrote it, also where the domain has a catch-all.
	if p.IsRole() || srs.Is(p) {
		return judgement{}, nil
	}
	owners, err := r.owners(ctx, p)
	if err != nil || len(owners) == 0 {
		return judgement{}, err // it is an address of people who send from elsewhere
	}
	header := message.ParseHeader(report.Returned)
	ids := message.MessageIDs(header.Get("Message-ID"))
	if len(ids) == 0 {
		return judgement{forged: !t.Tagged && r.refuses(t, p)}, nil
	}
	found := store.Sent{MessageID: ids[0], From: p.String()}
	sent, err := r.ours.FindSent(ctx, ids[0], p, candidates(report, header))
	switch {
	case err == nil:
		found = sent
	case !errors.Is(err, store.ErrNotFound):
		return judgement{}, err
	default:
		proven, err := r.signed(ctx, header, owners)
		if err != nil || !proven {
			return judgement{forged: !proven && !t.Tagged && err == nil, messageID: mail.Clean(ids[0])}, err
		}
	}
	return judgement{about: about(report, found)}, nil
}

// maxOwnerHops bounds how many addresses are looked at to find who is behind one.
const maxOwnerHops = 20

// owners are the accounts that p leads to, who may send as p. None: p leads to
// other hosts only, or nowhere.
func (r reports) owners(ctx context.Context, p mail.Path) (map[store.AccountID]bool, error) {
	owners := map[store.AccountID]bool{}
	todo, seen := []mail.Path{p.Key()}, map[mail.Path]bool{}
	for len(todo) > 0 && len(seen) < maxOwnerHops {
		p, todo = todo[0], todo[1:]
		if seen[p] {
			continue
		}
		seen[p] = true
		a, err := r.address(ctx, p)
		if err != nil {
			return nil, err
		}
		if a.Account != nil {
			owners[a.Account.ID] = true
		}
		for _, next := range a.Next(p) {
			todo = append(todo, next.Key())
		}
	}
	return owners, nil
}

// address is empty for an address that is not ours.
func (r reports) address(ctx context.Context, p mail.Path) (store.Address, error) {
	a, err := r.ours.Address(ctx, p)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrInvalid) {
		return store.Address{}, nil
	}
	return a, err
}

// maxCandidates are looked for in the sent log.
const maxCandidates = 200

// candidates are the recipients that the mail may have had: those a report names,
// and those the mail itself does, for a report may name where it was forwarded to.
func candidates(report message.Report, header message.Header) []mail.Path {
	var all []mail.Path
	seen := map[mail.Path]bool{}
	add := func(s string) {
		if p, err := mail.ParsePath(s); err == nil && p.Domain != "" && !seen[p.Key()] && len(all) < maxCandidates {
			seen[p.Key()] = true
			all = append(all, p)
		}
	}
	for _, one := range report.Recipients {
		add(one.Original)
		add(one.Final)
	}
	for _, name := range []string{"To", "Cc"} {
		for _, value := range header.All(name) {
			for _, a := range message.ParseAddresses(value) {
				if !a.Group && a.Host != "" {
					add(mail.Path{Local: a.Mailbox, Domain: a.Host}.String())
				}
			}
		}
	}
	return all
}

// about is what a report says of a mail, recipient by recipient.
func about(report message.Report, sent store.Sent) []mail.Returned {
	one := mail.Returned{Item: int64(sent.Item), QueueID: sent.QueueID, MessageID: mail.Clean(sent.MessageID), Login: sent.Login,
		From: sent.From, To: sent.To, Action: "failed", MTA: mail.Clean(report.ReportingMTA)}
	if len(report.Recipients) == 0 {
		return []mail.Returned{one}
	}
	all := make([]mail.Returned, len(report.Recipients))
	for i, said := range report.Recipients {
		all[i] = one
		all[i].To = mail.Clean(firstOf(said.Original, said.Final))
		all[i].Action = mail.Clean(firstOf(said.Action, "failed"))
		all[i].MTA = mail.Clean(firstOf(report.ReportingMTA, said.RemoteMTA))
		all[i].Status = mail.Clean(firstOf(said.Diagnostic, said.Status))
	}
	return all
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
