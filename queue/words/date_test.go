package words

import (
	"strconv"
	"testing"
	"time"
)

func TestTime(t *testing.T) {
	zone := time.FixedZone("", 5*3600+1800)
	at := time.Date(2026, 11, 2, 9, 5, 0, 0, zone)
	for lang, want := range map[string]string{
		"en": "Monday, 2 November 2026, 09:05 (UTC+5:30)",
		"de": "Montag, 2. November 2026, 09:05 Uhr (UTC+5:30)",
		"fr": "lundi 2 novembre 2026 à 09\u00a0h\u00a005 (UTC+5:30)",
		"es": "lunes 2 de noviembre de 2026 a las 09:05 h (UTC+5:30)",
		"it": "lunedì 2 novembre 2026 alle ore 09:05 (UTC+5:30)",
		"nl": "maandag 2 november 2026, 09:05 uur (UTC+5:30)",
		"ja": "2026年11月2日（月）09:05（UTC+5:30）",
		"pl": "poniedziałek, 2\u00a0listopada 2026\u00a0r., godz.\u00a009:05 (UTC+5:30)",
		"pt": "2 de novembro de 2026, segunda-feira, às 09:05 (UTC+5:30)",
		"zh": "2026年11月2日星期一 09:05（UTC+5:30）",
	} {
		if got := Of(lang).Time(at); got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
}

// Many a language calls the first of a month so, and counts the others.
func TestFirstOfMonth(t *testing.T) {
	at := time.Date(2026, 11, 1, 9, 5, 0, 0, time.UTC)
	for lang, want := range map[string]string{
		"en": "Sunday, 1 November 2026, 09:05 (UTC)",
		"fr": "dimanche 1er novembre 2026 à 09\u00a0h\u00a005 (UTC)",
		"it": "domenica 1º novembre 2026 alle ore 09:05 (UTC)",
		"pt": "1º de novembro de 2026, domingo, às 09:05 (UTC)",
	} {
		if got := Of(lang).Time(at); got != want {
			t.Errorf("%s: %q, want %q", lang, got, want)
		}
	}
	for _, c := range others() {
		for day := range c.Report.Days {
			if n, err := strconv.Atoi(day); err != nil || n < 1 || n > 31 {
				t.Errorf("%s: no month has a day %q", c.Language, day)
			}
		}
	}
}

func TestOffset(t *testing.T) {
	for seconds, want := range map[int]string{0: "UTC", 3600: "UTC+1", -12600: "UTC-3:30", 49500: "UTC+13:45"} {
		if got := Offset(time.Unix(0, 0).In(time.FixedZone("", seconds))); got != want {
			t.Errorf("%d: %q, want %q", seconds, got, want)
		}
	}
}
