package words

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/unicode/norm"
)

// sentence is one of a catalogue, by its place in it.
type sentence struct{ place, text string }

// sentences are all of c: those of the frame by their TOML keys, then the kinds.
func (c *Catalogue) sentences() []sentence {
	all := walk("report", reflect.ValueOf(c.Report))
	var kinds []Kind
	for k := range c.Kinds {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	for _, k := range kinds {
		all = append(all, walk("kind."+string(k), reflect.ValueOf(c.Kinds[k]))...)
	}
	return all
}

func walk(place string, v reflect.Value) (all []sentence) {
	switch v.Kind() {
	case reflect.String:
		return []sentence{{place, v.String()}}
	case reflect.Slice:
		for i := range v.Len() {
			all = append(all, walk(fmt.Sprintf("%s[%d]", place, i), v.Index(i))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			next := place + "." + f.Tag.Get("toml")
			if f.Anonymous {
				next = place
			}
			all = append(all, walk(next, v.Field(i))...)
		}
	}
	return all
}

// others are the catalogues that are not English.
func others() []*Catalogue {
	var all []*Catalogue
	for _, l := range Languages() {
		if l != English {
			all = append(all, Of(l))
		}
	}
	return all
}

func parametersIn(s string) []string {
	all := parameter.FindAllString(s, -1)
	slices.Sort(all)
	return slices.Compact(all)
}

var plurals = regexp.MustCompile(`\.(one|few|many|other)$`)

// Every catalogue has every sentence, with the parameters that it has in English.
func TestComplete(t *testing.T) {
	english := map[string]string{}
	for _, s := range Of(English).sentences() {
		english[s.place] = s.text
	}
	for _, c := range others() {
		there := map[string]bool{}
		for _, s := range c.sentences() {
			there[s.place] = true
			want, known := english[s.place]
			switch {
			case plurals.MatchString(s.place):
			case !known:
				t.Errorf("%s: %s is not in English", c.Language, s.place)
			case strings.TrimSpace(s.text) == "":
				t.Errorf("%s: %s says nothing", c.Language, s.place)
			case !slices.Equal(parametersIn(s.text), parametersIn(want)):
				t.Errorf("%s: %s has parameters %v, in English %v", c.Language, s.place, parametersIn(s.text), parametersIn(want))
			case !slices.Equal(literals(s.text), literals(want)):
				t.Errorf("%s: %s names %q, in English %q", c.Language, s.place, literals(s.text), literals(want))
			}
		}
		for place := range english {
			if !there[place] {
				t.Errorf("%s: %s is missing", c.Language, place)
			}
		}
	}
}

// literal is what stays as it is in every language.
var literal = regexp.MustCompile(`posthorn [a-z]+|RFC \d+|\[\[?[a-z]+\]\]?|v=spf1|_dmarc|_domainkey|ip[46]:|-all`)

// literals are those of a sentence, whatever order its language puts them in.
func literals(s string) []string {
	all := literal.FindAllString(s, -1)
	slices.Sort(all)
	return all
}

// Every category of plural that whole numbers have is there, and no other.
func TestPlurals(t *testing.T) {
	names := map[plural.Form]string{plural.One: "one", plural.Few: "few", plural.Many: "many", plural.Other: "other"}
	for _, lang := range Languages() {
		c := Of(lang)
		has := map[string]bool{}
		for n := 1; n < 10_000; n++ {
			has[names[plural.Cardinal.MatchPlural(c.tag, n, 0, 0, 0, 0)]] = true
		}
		for _, s := range c.sentences() {
			m := plurals.FindStringSubmatch(s.place)
			if m == nil {
				continue
			}
			// "other" is asked for everywhere: fractions and what is not known fall back on it.
			if want := has[m[1]] || m[1] == "other"; want != (s.text != "") {
				t.Errorf("%s: %s is %q, wanted %t", lang, s.place, s.text, want)
			}
			if s.text != "" && !slices.Equal(parametersIn(s.text), []string{"{count}"}) {
				t.Errorf("%s: %s has parameters %v", lang, s.place, parametersIn(s.text))
			}
		}
	}
	for _, tt := range []struct {
		lang string
		n    int
		want string
	}{
		{"en", 1, "1 recipient"}, {"en", 2, "2 recipients"}, {"en", 1234, "1,234 recipients"},
		{"ja", 1, "1件の宛先"}, {"ja", 1234, "1,234件の宛先"},
		{"pl", 1, "1 odbiorcy"}, {"pl", 22, "22 odbiorców"}, {"pl", 25, "25 odbiorców"},
	} {
		if got := Of(tt.lang).Report.Recipients.Of(Of(tt.lang), tt.n); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.lang, got, tt.want)
		}
	}
}

// mayAgree are words that are the same in English and in other languages.
var mayAgree = regexp.MustCompile(`^report\.(label\.(status|message_id|host|date|tls|source)|months|weekdays|date|heading\.original)`)

// englishWords give a sentence away that nobody translated.
var englishWords = regexp.MustCompile(`(?i)\b(the|your|their|message|messages|recipient|recipients|mailbox|server's|does|which|cannot|could)\b`)

// No sentence was left in English.
func TestNoStrayEnglish(t *testing.T) {
	english := map[string]string{}
	for _, s := range Of(English).sentences() {
		english[s.place] = s.text
	}
	// Words that are also the language's own.
	own := map[string]*regexp.Regexp{"fr": regexp.MustCompile(`(?i)\bmessages?\b`)}
	for _, c := range others() {
		for _, s := range c.sentences() {
			if s.text != "" && s.text == english[s.place] && !mayAgree.MatchString(s.place) {
				t.Errorf("%s: %s is as in English: %q", c.Language, s.place, s.text)
			}
			text := quoted.ReplaceAllString(s.text, "")
			if o := own[c.Language]; o != nil {
				text = o.ReplaceAllString(text, "")
			}
			if found := englishWords.FindString(strings.ReplaceAll(text, "Message-ID", "")); found != "" {
				t.Errorf("%s: %s has %q: %q", c.Language, s.place, found, s.text)
			}
		}
	}
}

// quoted is what a sentence only names.
var quoted = regexp.MustCompile(`\{[a-z_]+\}|posthorn [a-z -]+|\[[^\]]*\]|"[^"]*"`)

// marks are the quotation marks of each language.
var marks = map[string]string{
	"de": "„“", "fr": "«»", "es": "«»", "pt": "“”", "it": "«»", "nl": "‘’", "pl": "„”", "ja": "「」", "zh": "“”",
}

var (
	spaceBefore  = regexp.MustCompile(`[ \x{A0}\x{202F}][.,;:?!。，：；？！]( |$)`)
	frenchNarrow = regexp.MustCompile(`[^\x{202F}][;?!](\s|$)`)
	frenchColon  = regexp.MustCompile(`[^\x{A0}]:([\s]|$)`)
	polishLetter = regexp.MustCompile(`(^|[\s(„])[aiouwzAIOUWZ] `)
	asciiStop    = regexp.MustCompile(`[\p{Han}\p{Hiragana}\p{Katakana}] ?[,.:;?!()]|[,:;?!] ?[\p{Han}\p{Hiragana}\p{Katakana}]`)
)

// What a typesetter would mend.
func TestTypography(t *testing.T) {
	english := map[string]string{}
	for _, s := range Of(English).sentences() {
		english[s.place] = s.text
	}
	for _, lang := range Languages() {
		c := Of(lang)
		for _, s := range c.sentences() {
			say := func(what string) { t.Errorf("%s: %s: %s: %q", lang, s.place, what, s.text) }
			if s.text != strings.TrimSpace(s.text) || strings.Contains(s.text, "  ") {
				say("spaces")
			}
			if !norm.NFC.IsNormalString(s.text) {
				say("not in NFC")
			}
			if lang == English || s.text == "" {
				continue
			}
			if strings.ContainsAny(s.text, "\"'") && !strings.Contains(s.text, "v=spf1") {
				say("typewriter's quotes")
			}
			for _, m := range "„“”«»「」" {
				if strings.ContainsRune(s.text, m) && !strings.ContainsRune(marks[lang], m) {
					say("quotation marks of another language")
				}
			}
			if want := end(english[s.place]); end(s.text) != want && !plurals.MatchString(s.place) {
				say("ends unlike English, with " + want)
			}
			switch lang {
			case "fr":
				if frenchNarrow.MatchString(s.text) || frenchColon.MatchString(s.text) {
					say("no narrow space before punctuation")
				}
			case "pl":
				if polishLetter.MatchString(s.text) {
					say("a line may end with a word of one letter")
				}
				if spaceBefore.MatchString(s.text) {
					say("a space before punctuation")
				}
			case "ja", "zh":
				if asciiStop.MatchString(s.text) && !strings.HasPrefix(s.place, "report.date") {
					say("punctuation of another script")
				}
			default:
				if spaceBefore.MatchString(s.text) {
					say("a space before punctuation")
				}
			}
		}
	}
}

// end is the kind of mark at the end of s.
func end(s string) string {
	for mark, forms := range map[string]string{"stop": ".。", "question": "?？", "colon": ":："} {
		if strings.ContainsAny(s, forms) && strings.ContainsRune(forms, []rune(s)[len([]rune(s))-1]) {
			return mark
		}
	}
	return "nothing"
}

func TestFill(t *testing.T) {
	p := Params{"a": "{b}", "b": "x", "none": ""}
	for _, tt := range []struct {
		sentence, want string
		ok             bool
	}{
		{"plain", "plain", true}, {"{a} and {b}.", "{b} and x.", true}, {"{none}", "", false}, {"before {c}", "", false}, {"", "", true},
	} {
		if got, ok := p.Fill(tt.sentence); got != tt.want || ok != tt.ok {
			t.Errorf("%q: %q, %t", tt.sentence, got, ok)
		}
	}
	w := Of(English).Kind("too-large", Params{"size": "30 MB"})
	if len(w.What) != 1 {
		t.Errorf("a sentence without its value stayed: %q", w.What)
	}
	if w = Of(English).Kind("too-large", Params{"size": "30 MB", "limit": "25 MB"}); len(w.What) != 2 || !strings.Contains(w.What[1], "30 MB") {
		t.Errorf("got %q", w.What)
	}
}

// A stranger's words do not stand among ours to the sender: they might give advice.
func TestForeignParameters(t *testing.T) {
	for _, lang := range Languages() {
		for k, w := range Of(lang).Kinds {
			for _, s := range slices.Concat(w.What, w.Steps) {
				if strings.Contains(s, "{link}") {
					t.Errorf("%s: %s: %q", lang, k, s)
				}
			}
		}
	}
}
