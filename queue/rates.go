package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"posthorn/mail"
	"posthorn/queue/words"
	"posthorn/store"
)

// This file counts what becomes of mail to other hosts: which addresses refuse it
// again and again, and whose mail is refused more than usual. An account whose
// mail is refused by very many looks as if its password were stolen: what it sends
// is held, in the commit of the outcome that shows it, and the administrator is
// told. What has been held and released begins to be counted anew.

const (
	rateDays    = 24 * time.Hour     // what is looked at
	rateBefore  = 7 * 24 * time.Hour // what it is compared with, before that
	usualLeast  = 100                // recipients that make something usual
	usualFactor = 3                  // how much more than usual is too much
)

// refusedForGood tells whether a reply says that an address is wrong or that the
// mail is not wanted, as many do about spam; and not that it is too large or of a
// form they cannot take, or that the administrator gave it up.
func refusedForGood(r mail.Reply) bool {
	if r.Name == mail.Dropped.Name || !r.Permanent() {
		return false
	}
	subject := r.X[1]
	return subject != 3 && subject != 5 && subject != 6
}

// tally counts the end of a delivery.
func (d *draft) tally(it store.Item, r result, s store.Settlement) {
	refused := s.State == store.Failed && !r.expired && refusedForGood(r.status.Reply)
	if r.Destination == local || s.State != store.Done && !refused {
		return
	}
	t := store.Tried{Login: it.Origin.Login, To: r.Recipient.Path.Key().String(), Failed: refused}
	if refused {
		t.Status = r.status.Reply.String()
	}
	d.change.Tried = append(d.change.Tried, t)
}

// watch holds the mail of an account that is refused by too many, once an outcome
// of it is known.
func (d *draft) watch(ctx context.Context, login string) error {
	if login == "" || d.cfg.HoldRefused == 0 {
		return nil
	}
	now := time.Now()
	var own store.Rate // what this draft brings
	said := ""
	for _, t := range d.change.Tried {
		if t.Login == login {
			own.Tried++
			if t.Failed {
				own.Failed++
				said = t.Status
			}
		}
	}
	if own.Failed == 0 {
		return nil
	}
	day, err := d.st.SendingRate(ctx, login, now.Add(-rateDays), now.Add(time.Hour))
	if err != nil {
		return err
	}
	day.Tried, day.Failed = day.Tried+own.Tried, day.Failed+own.Failed
	if !d.cfg.tooMany(day) {
		return nil
	}
	before, err := d.st.SendingRate(ctx, login, now.Add(-rateDays-rateBefore), now.Add(-rateDays))
	if err != nil || usual(day, before) {
		return err
	}
	return d.holdAccount(ctx, login, day, said)
}

// tooMany tells whether a day's refusals are more than a newsletter's dead
// addresses.
func (c Config) tooMany(day store.Rate) bool {
	return day.Failed >= int64(c.HoldRefused) && day.Failed*100 >= int64(c.HoldRefusedPercent)*day.Tried
}

// usual tells whether it is what the account's mail has always met with.
func usual(day, before store.Rate) bool {
	return before.Tried >= usualLeast && day.Failed*before.Tried < usualFactor*before.Failed*day.Tried
}

// holdAccount makes the hold part of the change, and the word about it.
func (d *draft) holdAccount(ctx context.Context, login string, day store.Rate, said string) error {
	holds, err := d.st.Holds(ctx)
	if err != nil {
		return err
	}
	held := func(h store.Hold) bool { return h.Kind == store.HoldSender && h.What == login }
	if slices.ContainsFunc(holds, held) || slices.ContainsFunc(d.change.Hold, held) {
		return nil
	}
	percent := day.Failed * 100 / day.Tried
	h := store.Hold{Kind: store.HoldSender, What: login, By: store.ByProgram,
		Reason: fmt.Sprintf("%d of %d recipients refused its mail within a day", day.Failed, day.Tried)}
	d.change.Hold = append(d.change.Hold, h)
	d.begun = append(d.begun, h)
	if err := d.tellHeld(ctx, login); err != nil {
		return err
	}
	return d.notify(ctx, Notice{
		Kind: "account held", Key: login,
		Subject: "The outgoing mail of " + login + " is held: was its password stolen?",
		Text: fmt.Sprintf(`Within a day %d of %d recipients at other hosts refused for good what %s sent: %d of a hundred. This is how it looks when somebody has
stolen a password and sends spam with it. So nothing more of it leaves until you release it. Mail to this account comes in as always.

The last refusal:

    %s

What it has sent, and from where:

    posthorn trace %[3]s --since 1d

If its owner did not send that, change the password, look at the app passwords, and drop what waits:

    posthorn user passwd %[3]s
    posthorn app-password list %[3]s
    posthorn queue drop --sender %[3]s

When all is in order, or was spam and is dropped, let its mail go on:

    posthorn queue release --sender %[3]s

From when on an account is held say hold_refused and hold_refused_percent in [queue].`, day.Failed, day.Tried, login, percent, mail.Clean(said)),
	})
}

// tellHeld is word to the account's owner, who would otherwise see mail go out and
// hear nothing.
func (d *draft) tellHeld(ctx context.Context, login string) error {
	account, err := d.st.AccountByLogin(ctx, login)
	if errors.Is(err, store.ErrNotFound) || err == nil && !account.Enabled {
		return nil
	}
	if err != nil {
		return err
	}
	c := words.Choose(account.Manners.Language, "", "", d.cfg.Language)
	w := c.Kind("account-held", nil)
	text := strings.Join(w.What, "\n\n") + "\n\n" + c.Report.Heading.Steps + "\n"
	for i, step := range w.Steps {
		text += fmt.Sprintf("\n%d. %s\n", i+1, step)
	}
	return d.notify(ctx, Notice{Kind: "account held, to its owner", Key: login, Account: account.ID, Language: c.Language, Subject: strings.TrimRight(w.What[0], ".。"), Text: text})
}
