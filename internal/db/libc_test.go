package db

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// The driver's C library must be exactly the one the driver was made with
// (modernc.org/sqlite, "Fragile modernc.org/libc dependency"): an update of one
// alone corrupts.
func TestLibcIsTheDriversOwn(t *testing.T) {
	list := func(format, module string) string {
		out, err := exec.Command("go", "list", "-m", "-f", format, module).Output()
		if err != nil {
			t.Fatalf("go list %s: %v", module, err)
		}
		return strings.TrimSpace(string(out))
	}
	mod, err := os.ReadFile(list("{{.GoMod}}", "modernc.org/sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`modernc\.org/libc (\S+)`).FindSubmatch(mod)
	if m == nil {
		t.Fatal("the driver's go.mod does not name its libc")
	}
	if have := list("{{.Version}}", "modernc.org/libc"); have != string(m[1]) {
		t.Errorf("go.mod has libc %s, the driver was made with %s", have, m[1])
	}
}
