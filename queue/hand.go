package queue

import (
	"context"
	"errors"
	"time"

	"posthorn/message"
	"posthorn/queue/report"
	"posthorn/queue/words"
	"posthorn/store"
)

// hand is how somebody is written to: in which language, by which clock.
type hand struct {
	words *words.Catalogue
	clock report.Clock
}

// hand finds out how the sender of a likes to be written to: as the account is set,
// else in a language of the original's header, else in that of the configuration;
// by the account's time zone, else by the clock that wrote the original, which is
// the one on the sender's desk, else by the server's.
func (d *draft) hand(ctx context.Context, a about, header []byte) (hand, error) {
	var m store.Manners
	login := a.Origin.Login
	if login == "" && a.Origin.Protocol == "local" {
		login = a.From.String()
	}
	if login != "" {
		account, err := d.st.AccountByLogin(ctx, login)
		if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrInvalid) {
			return hand{}, err
		}
		m = account.Manners
	}
	h := message.ParseHeader(header)
	return hand{
		words: words.Choose(m.Language, h.Get("Content-Language"), h.Get("Accept-Language"), d.cfg.Language),
		clock: clockOf(m.Zone, h.Get("Date")),
	}, nil
}

// clockOf is the account's or, when that has none, the one by which a Date field was
// written. A clock that shows UTC says nothing: some programs hide the zone so.
func clockOf(zone, date string) report.Clock {
	if zone != "" {
		if l, err := time.LoadLocation(zone); err == nil {
			return report.Clock{Location: l, Whose: report.Yours}
		}
	}
	if t, ok := message.ParseDate(date); ok {
		if _, offset := t.Zone(); offset != 0 {
			return report.Clock{Location: t.Location(), Whose: report.Written}
		}
	}
	return report.Clock{Location: time.Local, Whose: report.Server}
}
