package promise

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// task is one command at a desk and what is when it was done.
type task struct {
	name, command string
	then          boxes
	learn         func(said string) // takes UIDs from the answer into then; nil: it has none
	judge         func([]response)  // nil: nothing to judge
}

// atATime is how many messages a command concerns at most: so many are one commit,
// and a kill finds all of them done or none.
const atATime = 5

// enough messages on a desk: then some go.
const enough = 30

// task draws the next one.
func (d *desk) task(l *Load) task {
	other := d.other()
	switch {
	case d.now[d.name] == nil:
		return d.create(d.name)
	case other == "":
		return d.create(d.name + "/away")
	case d.at == "":
		return d.choose(d.name)
	}
	papers := d.now[d.at].papers
	deleted := d.pick(func(p paper) bool { return strings.Contains(p.flags, `\Deleted`) })
	switch n := rand.IntN(100); {
	case len(deleted) > 0 && n < 20:
		return d.expunge(deleted)
	case len(papers) > enough:
		return d.store("+", d.pick(nil), []string{`\Deleted`})
	case n < 45 || len(papers) == 0:
		return d.append(l)
	case n < 63:
		return d.store([]string{"+", "-", ""}[rand.IntN(3)], d.pick(nil), someFlags())
	case n < 70:
		return d.carry(l, "COPY", other)
	case n < 83:
		return d.carry(l, "MOVE", other)
	case n < 92:
		return d.read(l)
	case n < 97:
		return d.choose(other)
	case n < 99 && d.at == d.name:
		return d.rename(other)
	case d.at == d.name:
		return d.remove(other)
	}
	return d.read(l)
}

// other is the mailbox that is not selected, "" when there is none.
func (d *desk) other() string {
	for name := range d.now {
		if name != d.at && (d.at != "" || name != d.name) {
			return name
		}
	}
	return ""
}

// pick takes some messages of the selected mailbox, with their ids.
func (d *desk) pick(fits func(paper) bool) (ids []string) {
	all := slices.Sorted(maps.Keys(d.now[d.at].papers))
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	n := 1 + rand.IntN(atATime)
	for _, id := range all {
		if len(ids) < n && (fits == nil || fits(d.now[d.at].papers[id])) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (d *desk) uids(ids []string) string {
	var uids []uint32
	for _, id := range ids {
		uids = append(uids, d.now[d.at].papers[id].uid)
	}
	return set(uids)
}

func someFlags() (flags []string) {
	for _, f := range []string{`\Answered`, `\Flagged`, `\Seen`, "$Forwarded", "urgent"} {
		if rand.IntN(3) == 0 {
			flags = append(flags, f)
		}
	}
	return flags
}

func (d *desk) create(name string) task {
	then := d.now.clone()
	then[name] = newBox()
	return task{name: "CREATE", command: "CREATE " + name, then: then}
}

func (d *desk) choose(name string) task {
	return task{name: "SELECT", command: "SELECT " + name, then: d.now, learn: func(string) { d.at = name }}
}

func (d *desk) rename(name string) task {
	to := d.name + "/aside"
	if name == to {
		to = d.name + "/away"
	}
	then := d.now.clone()
	then[to] = then[name]
	delete(then, name)
	return task{name: "RENAME", command: "RENAME " + name + " " + to, then: then}
}

func (d *desk) remove(name string) task {
	then := d.now.clone()
	delete(then, name)
	return task{name: "DELETE", command: "DELETE " + name, then: then, learn: func(string) { d.past[d.now[name].validity] = true }}
}

var appendUID = regexp.MustCompile(`\[APPENDUID (\d+) (\S+)\]`)

// append puts one message into the selected mailbox, or several at once (RFC 3502).
func (d *desk) append(l *Load) task {
	t := task{name: "APPEND", command: "APPEND " + d.at, then: d.now.clone()}
	b := t.then[d.at]
	var ids []string
	for range 1 + max(0, rand.IntN(6)-3) {
		id, flags := l.name("imap"), someFlags()
		content := text(id)
		t.command += fmt.Sprintf(" (%s) {%d+}\r\n%s", strings.Join(flags, " "), len(content), content)
		b.papers[id] = paper{flags: joined(flags)}
		ids = append(ids, id)
	}
	t.learn = func(said string) {
		m := appendUID.FindStringSubmatch(said)
		if m == nil {
			l.problem("APPEND was answered without APPENDUID: %.200q", said)
			return
		}
		b.learn(l, validityIn(m[1]), ids, numbers(m[2]))
	}
	return t
}

// learn takes the UIDs that an answer names.
func (b *box) learn(l *Load, validity uint32, ids []string, uids []uint32) {
	if len(ids) != len(uids) || b.validity != 0 && b.validity != validity {
		l.problem("the answer names UIDs %v of UIDVALIDITY %d for %v, which went to %d", uids, validity, ids, b.validity)
		return
	}
	b.validity = validity
	for i, id := range ids {
		if uids[i] < b.next {
			l.problem("%s got UID %d, below %d", id, uids[i], b.next)
		}
		p := b.papers[id]
		p.uid = uids[i]
		b.papers[id] = p
	}
	for _, u := range uids {
		b.next = max(b.next, u+1)
	}
}

func validityIn(digits string) uint32 {
	n, _ := strconv.ParseUint(digits, 10, 32) // digits
	return uint32(n)
}

func joined(flags []string) string {
	flags = slices.Clone(flags)
	slices.Sort(flags)
	return strings.Join(slices.Compact(flags), " ")
}

// store changes flags: how is "+", "-" or "".
func (d *desk) store(how string, ids, flags []string) task {
	then := d.now.clone()
	for _, id := range ids {
		p := then[d.at].papers[id]
		has := strings.Fields(p.flags)
		switch how {
		case "+":
			has = append(has, flags...)
		case "-":
			has = slices.DeleteFunc(has, func(f string) bool { return slices.Contains(flags, f) })
		default:
			has = flags
		}
		p.flags = joined(has)
		then[d.at].papers[id] = p
	}
	return task{name: "STORE", command: fmt.Sprintf("UID STORE %s %sFLAGS.SILENT (%s)", d.uids(ids), how, strings.Join(flags, " ")), then: then}
}

func (d *desk) expunge(ids []string) task {
	then := d.now.clone()
	for _, id := range ids {
		delete(then[d.at].papers, id)
	}
	return task{name: "EXPUNGE", command: "UID EXPUNGE " + d.uids(ids), then: then}
}

var copyUID = regexp.MustCompile(`\[COPYUID (\d+) (\S+) (\S+)\]`)

// carry copies or moves messages to a mailbox that does not have them.
func (d *desk) carry(l *Load, how, to string) task {
	ids := slices.DeleteFunc(d.pick(nil), func(id string) bool { _, has := d.now[to].papers[id]; return has })
	if len(ids) == 0 {
		return d.choose(to)
	}
	t := task{name: how, command: fmt.Sprintf("UID %s %s %s", how, d.uids(ids), to), then: d.now.clone()}
	from, into := t.then[d.at], t.then[to]
	by := map[uint32]string{}
	for _, id := range ids {
		p := from.papers[id]
		by[p.uid] = id
		if how == "MOVE" {
			delete(from.papers, id)
		}
		into.papers[id] = paper{flags: p.flags}
	}
	t.learn = func(said string) {
		m := copyUID.FindStringSubmatch(said)
		if m == nil {
			l.problem("%s was answered without COPYUID: %.200q", how, said)
			return
		}
		var went []string
		for _, uid := range numbers(m[2]) {
			went = append(went, by[uid])
		}
		into.learn(l, validityIn(m[1]), went, numbers(m[3]))
	}
	return t
}

// read shows one message.
func (d *desk) read(l *Load) task {
	ids := d.pick(nil)
	if len(ids) == 0 {
		return d.choose(d.at)
	}
	id, at := ids[0], d.at
	want := d.now[at].papers[id]
	return task{name: "FETCH", command: fmt.Sprintf("UID FETCH %d (UID FLAGS BODY.PEEK[])", want.uid), then: d.now, judge: func(all []response) {
		for _, r := range all {
			if r.content == nil {
				continue
			}
			if m := shown(r); m.id != id || !m.whole || m.flags != want.flags {
				l.problem("%s of %s: UID %d was shown as %q with (%s), whole: %v; it is %s with (%s)", at, d.user, want.uid, m.id, m.flags, m.whole, id, want.flags)
			}
			return
		}
		l.problem("%s of %s: UID %d, %s, was not shown", at, d.user, want.uid, id)
	}}
}
