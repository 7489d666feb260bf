package interop

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// goldenReports are the reports about real answers of other servers.
func goldenReports(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../queue/testdata/reports/remote/*.eml")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d reports, error %v", len(files), err)
	}
	return files
}

// read runs a parser over reports and gives its lines by file.
func read(t *testing.T, program string, args ...string) map[string]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		found[name] += rest + "\n"
	}
	return found
}

var (
	actionField = regexp.MustCompile(`(?m)^Action: (\w+)\r$`)
	statusField = regexp.MustCompile(`(?m)^Status: ([\d.]+)\r$`)
)

// fieldsOf are the Action and the Status that a report gives.
func fieldsOf(t *testing.T, file string) (action, status string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	a, s := actionField.FindSubmatch(b), statusField.FindSubmatch(b)
	if a == nil || s == nil {
		t.Fatalf("%s: no action or status", file)
	}
	return string(a[1]), string(s[1])
}

// Python's email package finds nothing to mend in any report, in any language, and
// reads the fields for programs as they are meant.
func TestReportsInPython(t *testing.T) {
	need(t, "python3")
	more, err := filepath.Glob("../queue/testdata/reports/*.eml")
	if err != nil || len(more) == 0 {
		t.Fatal("no reports", err)
	}
	remote := goldenReports(t)
	found := read(t, "python3", append([]string{"testdata/report_parse.py"}, append(remote, more...)...)...)
	for _, file := range remote {
		action, status := fieldsOf(t, file)
		if want := action + " " + status + " rfc822; bob@away.test\n"; found[file] != want {
			t.Errorf("%s: %q, want %q", file, found[file], want)
		}
	}
}

// What a mailing list manager makes of them: it strikes addresses off by this.
func TestReportsInFlufl(t *testing.T) {
	need(t, "python3")
	const python = "/usr/bin/python3" // Debian's, for which the package is installed
	if exec.CommandContext(t.Context(), python, "-c", "import flufl.bounce").Run() != nil {
		leaveOut(t, "flufl.bounce is not installed (interop/install.sh)")
	}
	remote := goldenReports(t)
	found := read(t, python, append([]string{"testdata/report_flufl.py"}, remote...)...)
	for _, file := range remote {
		action, _ := fieldsOf(t, file)
		if want := action + " bob@away.test\n"; found[file] != want {
			t.Errorf("%s: %q, want %q", file, found[file], want)
		}
	}
}

// What a program that evaluates bounces makes of them.
func TestReportsInSisimai(t *testing.T) {
	need(t, "perl")
	if exec.CommandContext(t.Context(), "perl", "-MSisimai", "-e", "1").Run() != nil {
		leaveOut(t, "Sisimai is not installed (interop/install.sh)")
	}
	remote := goldenReports(t)
	found := read(t, "perl", append([]string{"testdata/report_sisimai.pl"}, remote...)...)
	for _, file := range remote {
		action, status := fieldsOf(t, file)
		got, want := found[file], action+" "+status+" bob@away.test\n"
		if action == "delayed" { // it takes the class from the server's words, which said 5 where we wait all the same
			got = strings.Replace(got, "delayed 5.", "delayed 4.", 1)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", file, found[file], want)
		}
	}
}
