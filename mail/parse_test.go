package mail

import "testing"

func TestParseReply(t *testing.T) {
	for in, want := range map[string]Reply{
		"550 5.1.1 No such user":           {Code: 550, X: EnhancedCode{5, 1, 1}, Text: "No such user"},
		"550-5.7.26 one\r\n550 5.7.26 two": {Code: 550, X: EnhancedCode{5, 7, 26}, Text: "one\ntwo"},
		"550 5.1.1 one\ntwo":               {Code: 550, X: EnhancedCode{5, 1, 1}, Text: "one\ntwo"},
		"452 try later":                    {Code: 452, Text: "try later"},
		"554 #5.7.1 no":                    {Code: 554, X: EnhancedCode{5, 7, 1}, Text: "no"},
		"550 4.2.2 the classes differ":     {Code: 550, Text: "4.2.2 the classes differ"},
		"550 5.1 short":                    {Code: 550, Text: "5.1 short"},
		"250":                              {Code: 250},
		"no code":                          {Text: "no code"},
		"5501 5.1.1 x":                     {Text: "5501 5.1.1 x"},
		"":                                 {},
		"550 5.1.1 a\x1b[2Jb":              {Code: 550, X: EnhancedCode{5, 1, 1}, Text: "a [2Jb"},
		"550 5.1.1 See 550 5.7.1\n421 4.3.2 something": {Code: 550, X: EnhancedCode{5, 1, 1}, Text: "See 550 5.7.1\n421 4.3.2 something"},
	} {
		if got := ParseReply(in); got != want {
			t.Errorf("%q: %+v, want %+v", in, got, want)
		}
	}
}

// What a reply is written as is read back, whatever a remote server wrote.
func FuzzParseReply(f *testing.F) {
	f.Add("550 5.1.1 No such user")
	f.Add("550-5.7.26 one\n550 two")
	f.Fuzz(func(t *testing.T, s string) {
		r := ParseReply(s)
		if r.Code == 0 {
			if r.X != (EnhancedCode{}) {
				t.Errorf("%q: an enhanced code without a code: %+v", s, r)
			}
			return
		}
		again := ParseReply(r.String())
		if again.Code != r.Code || r.X != (EnhancedCode{}) && again.X != r.X {
			t.Errorf("%q: %+v, read again %+v", s, r, again)
		}
	})
}
