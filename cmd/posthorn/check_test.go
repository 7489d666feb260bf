package main

import (
	"strings"
	"testing"
)

// Each problem stands with what belongs to it, and what cannot be repaired
// comes with what a person can do.
func TestProblemsForPeople(t *testing.T) {
	stray := problem{Invariant: "S8", Account: "you@example.test", Path: "cur/1.x", What: "no row knows this file", Do: "run it"}
	filed := stray
	filed.Do = ""
	filed.Fixed = "filed in the mailbox Recovered"
	gone := problem{Invariant: "S3", Account: "you@example.test", Mailbox: "INBOX", What: "UID 1: the file is missing", Do: "put it back"}
	for _, test := range []struct {
		name string
		ps   []problem
		want string
	}{
		{"none", nil, "everything is in order\n"},
		{"one that --fix would mend", []problem{stray}, "S8  you@example.test  no row knows this file\n    file:  cur/1.x\n    do:    run it\n\n1 problem, 0 fixed\n"},
		{"one that is mended and one that nobody can mend", []problem{filed, gone},
			"S8  you@example.test  no row knows this file\n    file:  cur/1.x\n    fixed: filed in the mailbox Recovered\n" +
				"S3  you@example.test INBOX  UID 1: the file is missing\n    do:    put it back\n\n2 problems, 1 fixed\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b strings.Builder
			(&cli{out: &b}).problems(test.ps)
			if b.String() != test.want {
				t.Errorf("got\n%swant\n%s", b.String(), test.want)
			}
		})
	}
}
