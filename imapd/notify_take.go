package imapd

import (
	"strings"

	"posthorn/imapd/wire"
)

// notifyTaker takes groups of events from a command.
type notifyTaker struct {
	d        *wire.Decoder
	n        *notification
	selected bool   // there was a SELECTED
	strange  bool   // an event that is not here was asked for
	wrong    string // what is wrong beyond the syntax
}

// group takes `(filter [names] events)`.
func (t *notifyTaker) group() {
	d := t.d
	d.Need('(')
	word := d.Word()
	if word == "SELECTED" || word == "SELECTED-DELAYED" {
		d.SP()
		t.selectedGroup(word == "SELECTED-DELAYED")
		d.Need(')')
		return
	}
	g := eventGroup{mailboxFilter: takeMailboxFilter(d, word)}
	d.SP()
	g.events = t.events(false)
	d.Need(')')
	if g.events != 0 {
		t.n.groups = append(t.n.groups, g)
	}
}

func (t *notifyTaker) selectedGroup(delayed bool) {
	e := t.events(true)
	switch {
	case t.selected:
		t.wrong = "Only one group can be of the selected mailbox"
	case e&^messageEvents != 0:
		t.wrong = "The selected mailbox has events of messages only"
	}
	t.selected = true
	t.n.selected, t.n.delayed = e, delayed
}

// events takes NONE or a list. fetch allows what is to be fetched of new
// messages behind MessageNew.
func (t *notifyTaker) events(fetch bool) (e event) {
	if !t.d.At('(') {
		if t.d.Word() != "NONE" {
			t.d.Fail("expected events or NONE")
		}
		return 0
	}
	empty, annotations := true, false
	var last event
	t.d.List(func() {
		if t.d.At('(') && fetch && last == messageNew {
			t.n.fetch = takeFetchItems(t.d)
			last = 0
			return
		}
		empty = false
		name := t.d.Word()
		last = t.event(name)
		e |= last
		annotations = annotations || name == annotationChange
	})
	if empty {
		t.d.Fail("expected events")
	}
	if both := e & (messageNew | messageExpunge); both == messageNew || both == messageExpunge || both == 0 && (e&flagChange != 0 || annotations) {
		t.wrong = "MessageNew and MessageExpunge go together, and FlagChange with both"
	}
	return e
}

func (t *notifyTaker) event(name string) event {
	for _, e := range events {
		if strings.EqualFold(e.name, name) {
			return e.event
		}
	}
	if name != annotationChange {
		t.d.Fail("%q is no event", name)
	}
	t.strange = true
	return 0
}
