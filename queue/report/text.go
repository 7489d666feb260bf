package report

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// columns is where lines of the text part end.
const columns = 72

// text writes the document as plain text, with the language's colon after labels.
func (d document) text(colon string) string {
	var b strings.Builder
	for i, bl := range d {
		if i > 0 {
			b.WriteByte('\n')
		}
		switch {
		case bl.heading != "":
			b.WriteString(underline(bl.heading))
		case bl.para != "":
			b.WriteString(Wrap(bl.para, "", "") + "\n")
		case bl.list != nil:
			for _, a := range bl.list {
				b.WriteString(Wrap(a, "    ", "      ") + "\n")
			}
		case bl.steps != nil:
			for i, s := range bl.steps {
				b.WriteString(Wrap(s, fmt.Sprintf("%d. ", i+1), "   ") + "\n")
			}
		case bl.quote != nil:
			for _, line := range bl.quote {
				b.WriteString(Wrap(line, "> ", "> ") + "\n")
			}
		default:
			b.WriteString(table(bl.facts, colon))
		}
	}
	return b.String()
}

// underline makes a heading visible where there is no other type.
func underline(s string) string {
	s = Wrap(s, "", "")
	longest := 0
	for line := range strings.Lines(s) {
		longest = max(longest, displayWidth(strings.TrimSuffix(line, "\n")))
	}
	return s + "\n" + strings.Repeat("-", longest) + "\n"
}

func table(facts []fact, colon string) string {
	col := 0
	for _, f := range facts {
		col = max(col, displayWidth(f.name))
	}
	var b strings.Builder
	for _, f := range facts {
		indent := strings.Repeat(" ", col-displayWidth(f.name)+2)
		b.WriteString(Wrap(f.value, f.name+colon+indent, strings.Repeat(" ", col+displayWidth(colon)+2)) + "\n")
	}
	return b.String()
}

// Wrap breaks text at columns, the first line begun by first and others by rest.
// It breaks at spaces, and in scripts that are written without them between any
// two characters, apart from those that may not begin or end a line (Unicode TR
// 14, JIS X 4051). No-break spaces stay.
func Wrap(text, first, rest string) string {
	var b strings.Builder
	b.WriteString(first)
	col, begun := displayWidth(first), false
	for _, p := range pieces(text) {
		w := displayWidth(p.text)
		space := 0
		if p.spaced && begun {
			space = 1
		}
		if begun && col+space+w > columns {
			b.WriteString("\n" + rest)
			col, space = displayWidth(rest), 0
		}
		b.WriteString(strings.Repeat(" ", space) + p.text)
		col += space + w
		begun = true
	}
	return strings.TrimRight(b.String(), " ")
}

// piece is text that is not broken.
type piece struct {
	text   string
	spaced bool // a space stands before it
}

func pieces(text string) []piece {
	var all []piece
	for word := range strings.SplitSeq(text, " ") {
		if word == "" {
			continue
		}
		spaced := true
		var last rune
		start := 0
		for i, c := range word {
			if i > start && mayBreak(last, c) {
				all = append(all, piece{word[start:i], spaced})
				start, spaced = i, false
			}
			last = c
		}
		all = append(all, piece{word[start:], spaced})
	}
	return all
}

// mayBreak tells whether a line may end between two characters of one word. A
// number keeps what it counts, as in 11月2日.
func mayBreak(before, after rune) bool {
	switch {
	case !wide(before) && !wide(after), '0' <= before && before <= '9':
		return false
	}
	return !strings.ContainsRune(noStart, after) && !strings.ContainsRune(noEnd, before) && !unicode.Is(unicode.M, after)
}

// What may not begin and what may not end a line in Chinese and Japanese.
const (
	noStart = "、。，．・：；？！）」』】〕〉》］｝ー々〜…‥”’%％°℃" + "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ" + ",.:;?!)]}"
	noEnd   = "（「『【〔〈《［｛“‘([{"
)

func wide(c rune) bool {
	k := width.LookupRune(c).Kind()
	return k == width.EastAsianWide || k == width.EastAsianFullwidth
}

// displayWidth is how many columns of a fixed font s takes.
func displayWidth(s string) int {
	n := 0
	for _, c := range s {
		switch {
		case unicode.Is(unicode.Mn, c):
		case wide(c):
			n += 2
		default:
			n++
		}
	}
	return n
}
