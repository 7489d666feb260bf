package imapd

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"posthorn/internal/serve"
)

func TestNormalise(t *testing.T) {
	for in, want := range map[string]string{
		"":             "",
		"a\r\nb\r\n":   "a\r\nb\r\n",
		"a\nb\n":       "a\r\nb\r\n",
		"a\rb\r":       "a\r\nb\r\n",
		"a\r\r\nb":     "a\r\n\r\nb",
		"\n\r\n\r\r\n": "\r\n\r\n\r\n\r\n",
	} {
		for name, r := range map[string]io.Reader{
			"at once": strings.NewReader(in), "bytewise": iotest.OneByteReader(strings.NewReader(in)),
		} {
			if err := iotest.TestReader(&normaliser{r: r}, []byte(want)); err != nil {
				t.Errorf("%q %s: %v", in, name, err)
			}
		}
	}
}

// The memory of a message that cannot be taken is given back at once.
func TestSpoolGivesBack(t *testing.T) {
	for name, c := range map[string]struct {
		in     string
		memory int64
		want   error
	}{
		"a NUL":         {"a\x00b" + strings.Repeat("c", 100_000), 1 << 20, errNUL},
		"no folder":     {strings.Repeat("c", 100_000), 0, os.ErrNotExist},
		"all was taken": {strings.Repeat("c\n", 100_000), 1 << 20, nil},
	} {
		spools := serve.Spools{Memory: serve.NewBudget(c.memory), Dir: t.TempDir() + "/missing"}
		sp, err := (&session{srv: &Server{spools: spools}}).spool(strings.NewReader(c.in))
		if !errors.Is(err, c.want) {
			t.Errorf("%s gave %v", name, err)
		}
		if err == nil {
			if sp.Size() != 300_000 {
				t.Errorf("%s: %d octets", name, sp.Size())
			}
			sp.Free()
		}
		if left := spools.Memory.Left(); left != c.memory {
			t.Errorf("%s keeps %d octets", name, c.memory-left)
		}
	}
}

// FuzzNormalise: every line ends in CRLF afterwards, nothing but line ends
// changes, and doing it twice changes nothing.
func FuzzNormalise(f *testing.F) {
	f.Add("a\nb\rc\r\nd")
	f.Fuzz(func(t *testing.T, in string) {
		once, err := io.ReadAll(&normaliser{r: strings.NewReader(in)})
		if (err != nil) != strings.Contains(in, "\x00") {
			t.Fatalf("%q: %v", in, err)
		}
		if err != nil {
			return
		}
		out := string(once)
		bare := strings.ReplaceAll(out, "\r\n", "")
		if strings.ContainsAny(bare, "\r\n") {
			t.Fatalf("%q became %q", in, out)
		}
		lines := strings.NewReplacer("\r\n", "", "\r", "", "\n", "")
		if lines.Replace(in) != bare {
			t.Fatalf("%q became %q", in, out)
		}
		if twice, _ := io.ReadAll(&normaliser{r: strings.NewReader(out)}); string(twice) != out {
			t.Fatalf("%q became %q, then %q", in, out, twice)
		}
	})
}
