package imapd

import (
	"slices"

	"posthorn/imapd/wire"
	"posthorn/store"
)

// searchSource is where ESEARCH looks (RFC 7377 §2.2).
type searchSource struct {
	selected bool
	filters  []mailboxFilter
}

// takeSource takes the list behind IN. There are no scope options.
func takeSource(d *wire.Decoder) (from searchSource) {
	empty := true
	d.List(func() {
		empty = false
		if word := d.Word(); word == "SELECTED" {
			from.selected = true
		} else {
			from.filters = append(from.filters, takeMailboxFilter(d, word))
		}
	})
	if empty {
		d.Fail("expected a choice of mailboxes")
	}
	return from
}

func (from *searchSource) onlySelected() bool {
	return from.selected && from.filters == nil
}

// allows refuses what has a meaning in the selected mailbox only: message
// numbers, "$", and results that are kept (RFC 7377 §2.1).
func (from *searchSource) allows(s *session, p *parser, want results) error {
	switch {
	case from.onlySelected() && s.state != selected:
		return bad("Select a mailbox first, or say in which to search")
	case !from.onlySelected() && (p.numbered || want.save || want.update):
		return bad("That goes with the selected mailbox alone")
	}
	return nil
}

// resolve gives the names of the mailboxes, each once, in order. One that is
// named may also be another's that LIST does not show.
func (from *searchSource) resolve(s *session, c *call) (names []string, err error) {
	if from.selected && s.state == selected {
		names = append(names, s.view.name)
	}
	t, err := s.tree(c)
	if err != nil {
		return nil, err
	}
	for _, f := range from.filters {
		if f.word == "MAILBOXES" {
			names = append(names, f.names...)
			continue
		}
		for _, e := range t.entries {
			if e.exists && e.rights.Has(store.RightRead) && f.matches(e) {
				names = append(names, e.name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
