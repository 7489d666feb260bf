package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"posthorn/queue/report"
)

// print writes v as JSON when --json was given, else calls table.
func (c *cli) print(v any, table func()) error {
	if !c.json {
		table()
		return nil
	}
	e := json.NewEncoder(c.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// table prints rows in aligned columns under a heading, each on one line: a
// server's words may have several. An empty table says none in the place of its
// rows.
func (c *cli) table(heading string, rows [][]string, none string) {
	if len(rows) == 0 {
		fmt.Fprintln(c.out, none)
		return
	}
	out := bufio.NewWriter(c.out) // which has each cell from the tabwriter by itself
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(strings.Fields(heading), "\t"))
	for _, r := range rows {
		for i, cell := range r {
			r[i] = oneLine(cell)
		}
		fmt.Fprintln(w, strings.Join(r, "\t"))
	}
	w.Flush()
	out.Flush()
}

// facts prints name and value pairs, one a line.
func (c *cli) facts(pairs ...string) {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	for i := 0; i+1 < len(pairs); i += 2 {
		fmt.Fprintf(w, "%s\t%s\n", pairs[i], oneLine(pairs[i+1]))
	}
	w.Flush()
}

// oneLine is s as it can stand in a line on a terminal: without the ends of lines and
// the tabs that a table is made of, and with nothing that moves the cursor or makes
// what stands around it read otherwise. Strangers choose addresses, replies, and the
// names in certificates.
func oneLine(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case unicode.IsControl(c), c == '\u2028', c == '\u2029':
			return ' '
		case report.Hidden(c):
			return unicode.ReplacementChar
		}
		return c
	}, breaks.Replace(s))
}

var breaks = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\t", " ", "\v", " ", "\f", " ")

// when shows a time for people; "-" for none.
func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// or gives s, or what when s is empty.
func or(s, what string) string {
	if s == "" {
		return what
	}
	return s
}

// duration says a time in words, in its two largest units at most.
func duration(d time.Duration) string {
	units := []struct {
		name string
		of   time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}}
	for i, u := range units {
		n := d / u.of
		if n == 0 {
			continue
		}
		s := counted(int(n), u.name)
		// Two of the smaller kind tell nothing that a person wants to know.
		if i+1 < len(units) && n < 3 {
			if rest := (d - n*u.of) / units[i+1].of; rest > 0 {
				s += " " + counted(int(rest), units[i+1].name)
			}
		}
		return s
	}
	return "no time"
}

func counted(n int, unit string) string {
	return fmt.Sprintf("%d %s", n, plural(n, unit, unit+"s"))
}

// age says in words how long ago t was.
func age(t time.Time) string {
	if d := time.Since(t); d >= time.Second {
		return duration(d)
	}
	return "just now"
}
