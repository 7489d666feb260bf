package queue

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"

	"posthorn/mail"
)

// example is a line of testdata/signs.txt.
type example struct {
	sign sign
	also []sign
	text string
}

func examples(t testing.TB) []example {
	t.Helper()
	f, err := os.Open("testdata/signs.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []example
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line := sc.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		signs, text, ok := strings.Cut(line, ":")
		if !ok {
			t.Fatalf("no example: %q", line)
		}
		e := example{text: strings.TrimSpace(text)}
		for i, s := range strings.Split(signs, "+") {
			switch s = strings.TrimSpace(s); {
			case i > 0:
				e.also = append(e.also, sign(s))
			case s != "-":
				e.sign = sign(s)
			}
		}
		all = append(all, e)
	}
	return all
}

// Every rule fits an example of its sign first, and none the examples of another
// that do not name it. Only the two signs that come last, because they are so
// general, fit beside any other.
func TestSigns(t *testing.T) {
	used := make([]bool, len(textRules()))
	for _, e := range examples(t) {
		if got := readSign(e.text); got != e.sign {
			t.Errorf("%q says %q, want %q", e.text, got, e.sign)
		}
		text, first := plain(e.text), true
		for i, r := range textRules() {
			if !r.fits(text) {
				continue
			}
			if r.sign != e.sign && !slices.Contains(e.also, r.sign) && (e.sign == "" || r.sign != policyRefusal && r.sign != notNow) {
				t.Errorf("%q is of %q; this rule of %q fits too: %s", e.text, e.sign, r.sign, r.re)
			}
			used[i] = used[i] || first && r.sign == e.sign
			first = first && r.sign != e.sign
		}
	}
	for i, r := range textRules() {
		if !used[i] {
			t.Errorf("no example comes to this rule of %q: %s", r.sign, r.re)
		}
	}
}

// There are few enough rules, each knows the words it needs, and each sign has a
// row in the table.
func TestTextRulesAreWellFormed(t *testing.T) {
	if n := len(textRules()); n > 150 {
		t.Errorf("%d rules", n)
	}
	for _, r := range textRules() {
		if shortest(r.needs) < 2 {
			t.Errorf("a rule of %q needs only %q: %s", r.sign, r.needs, r.re)
		}
		if !slices.ContainsFunc(table, func(w row) bool { return w.says == r.sign }) {
			t.Errorf("nothing follows from %q", r.sign)
		}
	}
	for _, w := range table {
		if w.says != "" && !slices.ContainsFunc(textRules(), func(r textRule) bool { return r.sign == w.says }) {
			t.Errorf("no rule finds %q", w.says)
		}
	}
}

// What a rule needs is in each text that its expression fits: leaving out the
// expressions whose words are missing changes nothing. And whatever a stranger
// sends, there is an outcome, with a status of its class.
func FuzzClassify(f *testing.F) {
	for _, e := range examples(f) {
		f.Add(550, 5, 7, 1, e.text)
		f.Add(451, 0, 0, 0, e.text)
	}
	f.Fuzz(func(t *testing.T, code, class, subject, detail int, text string) {
		low := plain(text)
		for _, r := range textRules() {
			if r.re.MatchString(low) && !r.fits(low) {
				t.Errorf("%q does not have what %s needs: %q", low, r.re, r.needs)
			}
		}
		if code < 200 || code > 599 || class < 0 || subject < 0 || detail < 0 || class > 5 || subject > 999 || detail > 999 {
			return
		}
		r := mail.Reply{Code: code, X: mail.EnhancedCode{class, subject, detail}, Text: text}
		got := Classify(r)
		if r.Positive() {
			if got.Decision != Deliver {
				t.Errorf("%v: %+v", r, got)
			}
			return
		}
		if got.Kind == "" || got.Who == "" || got.Decision == "" || got.Decision == Deliver {
			t.Errorf("%v: %+v", r, got)
		}
		if r.Temporary() && got.Decision == Fail {
			t.Errorf("%v fails at once", r)
		}
		if r.Permanent() != (got.Status[0] == 5) {
			t.Errorf("%v has the status %v", r, got.Status)
		}
		if got.Wait > longestAsked {
			t.Errorf("%v waits %v", r, got.Wait)
		}
		for name, v := range got.Params {
			if len(v) > maxParam || v != mail.Clean(v) {
				t.Errorf("%v: %s is %q", r, name, v)
			}
		}
	})
}

func BenchmarkClassify(b *testing.B) {
	all := examples(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		Classify(mail.Reply{Code: 550, Text: all[i%len(all)].text})
		i++
	}
}
