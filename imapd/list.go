package imapd

import "posthorn/imapd/wire"

// listing is what a LIST asks for (RFC 9051 §6.3.9, RFC 5258, 5819, 6154,
// 8440, 9590).
type listing struct {
	extended  bool
	reference string
	patterns  []string

	onlySubscribed, onlySpecial, recursive bool // selection options
	subscribed                             bool // return options; CHILDREN and SPECIAL-USE are returned always
	myRights                               bool // RFC 8440
	status                                 []string
	metadata                               *metadataQuery // RFC 9590
}

// list: RFC 9051 §6.3.9.
func (s *session) list(c *call) error {
	l, err := takeListing(c.dec)
	if err != nil {
		return err
	}
	if !l.extended && l.patterns[0] == "" { // RFC 3501 §6.3.8: what is the separator?
		s.out.Raw(`* LIST (\Noselect) "/" ""`).CRLF()
		return nil
	}
	s.useStatus(l.status)
	t, err := s.tree(c)
	if err != nil {
		return err
	}
	for _, e := range t.entries {
		if !l.wants(e) {
			continue
		}
		s.writeList(l, e)
		if e.exists {
			if err := s.writeMore(c, l, e); err != nil {
				return err
			}
		}
	}
	if l.metadata != nil && l.metadata.longest > 0 {
		c.code = l.metadata.longEntries()
	}
	return nil
}

// writeMore tells what return options ask for beside LIST itself.
func (s *session) writeMore(c *call, l listing, e *entry) error {
	if l.myRights {
		s.writeMyRights(e.name, e.rights)
	}
	if len(l.status) > 0 && e.rights.Has(needs["STATUS"]) && l.selects(e) {
		if err := s.writeStatus(c, e.box, l.status); err != nil {
			return err
		}
	}
	if l.metadata != nil && e.rights&annotating != 0 {
		return s.listMetadata(c, l.metadata, e)
	}
	return nil
}

func takeListing(d *wire.Decoder) (l listing, err error) {
	d.SP()
	if d.At('(') {
		l.extended = true
		l.takeSelection(d)
		d.SP()
	}
	l.reference = d.Mailbox()
	d.SP()
	if d.At('(') {
		l.extended = true
		d.List(func() { l.patterns = append(l.patterns, d.Pattern()) })
		if len(l.patterns) == 0 {
			d.Fail("expected a mailbox pattern")
		}
	} else {
		l.patterns = []string{d.Pattern()}
	}
	if d.TakeSP() {
		l.extended = true
		if d.Word() != "RETURN" {
			d.Fail("expected RETURN")
		}
		d.SP()
		l.takeReturn(d)
	}
	for i, p := range l.patterns {
		l.patterns[i] = pattern(l.reference, p)
	}
	return l, d.End()
}

func (l *listing) takeSelection(d *wire.Decoder) {
	d.List(func() {
		switch word := d.Word(); word {
		case "SUBSCRIBED":
			l.onlySubscribed = true
		case "SPECIAL-USE":
			l.onlySpecial = true
		case "RECURSIVEMATCH":
			l.recursive = true
		case "REMOTE": // all are local, and those are listed too
		default:
			d.Fail("%q is not an option of LIST", word)
		}
	})
	if l.recursive && !l.onlySubscribed && !l.onlySpecial {
		d.Fail("RECURSIVEMATCH needs another option")
	}
}

func (l *listing) takeReturn(d *wire.Decoder) {
	d.List(func() {
		switch word := d.Word(); word {
		case "SUBSCRIBED":
			l.subscribed = true
		case "CHILDREN", "SPECIAL-USE":
		case "MYRIGHTS":
			l.myRights = true
		case "METADATA":
			d.SP()
			l.metadata = &metadataQuery{max: -1}
			l.metadata.takeEntries(d)
			if len(l.metadata.entries) == 0 {
				d.Fail("expected an entry")
			}
		case "STATUS":
			d.SP()
			l.status = takeStatusItems(d)
		default:
			d.Fail("%q is not a return option of LIST", word)
		}
	})
}

// selects says whether an entry fulfils the selection options.
func (l *listing) selects(e *entry) bool {
	switch {
	case l.onlySubscribed && !e.subscribed, l.onlySpecial && attribute(e.box.Role) == "":
		return false
	}
	return e.exists || l.onlySubscribed || !l.onlySpecial && e.children
}

// wants says whether an entry is listed: its name matches, and it fulfils the
// options or, with RECURSIVEMATCH, something below it does.
func (l *listing) wants(e *entry) bool {
	if !l.selects(e) && !(l.recursive && l.selectsBelow(e)) {
		return false
	}
	for _, p := range l.patterns {
		if match(p, e.name) {
			return true
		}
	}
	return false
}

func (l *listing) selectsBelow(e *entry) bool {
	for _, below := range e.below {
		if l.selects(below) {
			return true
		}
	}
	return false
}

// attributes are those of a name (RFC 9051 §7.3.1).
func (l *listing) attributes(e *entry) (attributes []string) {
	if !e.exists {
		attributes = append(attributes, `\NonExistent`, `\Noselect`)
	}
	if e.children {
		attributes = append(attributes, `\HasChildren`)
	} else {
		attributes = append(attributes, `\HasNoChildren`)
	}
	if e.subscribed && (l.subscribed || l.onlySubscribed) {
		attributes = append(attributes, `\Subscribed`)
	}
	if a := attribute(e.box.Role); a != "" {
		attributes = append(attributes, a)
	}
	return attributes
}

func (s *session) writeList(l listing, e *entry) {
	s.out.Raw("* LIST ").List(l.attributes(e)).Raw(` "/" `).Mailbox(e.name)
	if l.recursive && l.selectsBelow(e) {
		var options []string
		if l.onlySubscribed {
			options = append(options, `"SUBSCRIBED"`)
		}
		if l.onlySpecial {
			options = append(options, `"SPECIAL-USE"`)
		}
		s.out.Raw(` ("CHILDINFO" `).List(options).Raw(")")
	}
	s.out.CRLF()
}
