package report

import "strings"

// group is recipients that there is the same to tell about, by their places in
// Report.Recipients.
type group []int

// groups puts those together that ended the same way, in the order of the first of
// each.
func (r *Report) groups() []group {
	var all []group
	at := make(map[string]int)
	for i := range r.Recipients {
		key := r.Recipients[i].key(r)
		g, known := at[key]
		if !known {
			g = len(all)
			at[key] = g
			all = append(all, nil)
		}
		all[g] = append(all[g], i)
	}
	return all
}

// key is the same for those who are told about in the same words: a reply often
// quotes the recipient's own address.
func (one *Recipient) key(r *Report) string {
	if r.Action != Failed && r.Action != Delayed {
		return ""
	}
	said := strings.ReplaceAll(one.Status.Reply.Error(), one.Path.String(), "")
	w := r.Words.Kind(one.Kind, one.Params)
	expired := ""
	if one.Expired {
		expired = "expired"
	}
	return strings.Join([]string{string(one.Kind), string(one.Who), one.Status.MTA, said, expired, strings.Join(w.What, " "), strings.Join(w.Steps, " ")}, "\x00")
}

func count(groups []group) int {
	n := 0
	for _, g := range groups {
		n += len(g)
	}
	return n
}

// addresses are those of a group, as many as a person reads.
func (r *Report) addresses(g group) []string {
	var all []string
	for _, i := range g[:min(len(g), maxShown)] {
		all = append(all, r.address(&r.Recipients[i]))
	}
	return r.more(all, len(g))
}

// address is a recipient as its sender knows it: behind the address that he wrote
// to, when that passed the message on.
func (r *Report) address(one *Recipient) string {
	to := show(one.Path.String())
	if r.Original.By.IsNull() {
		return to
	}
	return show(r.Original.By.String()) + " → " + to
}
