package words

import (
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	for _, tt := range []struct{ wishes, want string }{
		{"", "en"}, {"en", "en"}, {"en-GB", "en"}, {"tlh", "en"}, {"*", "en"},
		{"xx, en", "en"}, {"|en", "en"}, {"xx|yy|", "en"},
		{"EN_us", "en"}, {"en;q=0", "en"}, {"(Klingon, first) en (then)", "en"},
		{"en;q=nonsense, xx", "en"}, {strings.Repeat("xx,", 1000), "en"}, {"((((", "en"},
		{"zh-Hant-TW", "zh"}, {"de-AT", "de"}, {"en;q=0.1, fr-CA;q=0.9", "fr"}, {"|nl-BE, en", "nl"}, {"es|de", "es"}, {"pl-PL", "pl"},
		{"it-CH;q=0.9, en;q=0.5", "it"}, {"pt-BR", "pt"}, {"pt_PT", "pt"}, {"ja-JP", "ja"},
	} {
		if got := Choose(strings.Split(tt.wishes, "|")...).Language; got != tt.want {
			t.Errorf("%q: %s, want %s", tt.wishes, got, tt.want)
		}
	}
}

func TestByQuality(t *testing.T) {
	for list, want := range map[string]string{
		"de":                             "de",
		"da, en-gb;q=0.8, en;q=0.7":      "da en-gb en",
		"fr;q=0.1, de ;Q = 0.9, *;q=0.5": "de fr",
		"de (Deutsch \\) (ja)), fr;q=0":  "de",
		"nl;q=2, pl":                     "pl",
		",,;;,":                          "",
	} {
		if got := strings.Join(byQuality(list), " "); got != want {
			t.Errorf("%q: %q, want %q", list, got, want)
		}
	}
}

func TestTruncate(t *testing.T) {
	for tag, want := range map[string]string{"zh-hant-tw": "zh-hant", "de-x-foo": "de", "de": "", "en-a-bbb-x-a": "en-a-bbb"} {
		if got := truncate(tag); got != want {
			t.Errorf("%s: %q, want %q", tag, got, want)
		}
	}
}

// Any list gives a catalogue.
func FuzzChoose(f *testing.F) {
	f.Add("de-DE, en;q=0.5 (comment)")
	f.Add("*;q=0,((\\")
	f.Fuzz(func(t *testing.T, list string) {
		if Choose(list) == nil {
			t.Fatal("none")
		}
		if n := len(byQuality(list)); n > maxTags {
			t.Fatalf("%d tags", n)
		}
	})
}
