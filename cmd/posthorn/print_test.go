package main

import (
	"bytes"
	"testing"
)

// A reply of several lines does not break a table.
func TestTableRowsAreLines(t *testing.T) {
	var b bytes.Buffer
	c := &cli{out: &b}
	c.table("TO STATUS", [][]string{{"a@example.net", "550 5.1.1 No such\nmailbox\there"}, {"bob@example.net", "250 ok"}}, "")
	c.facts("name", "one\r\ntwo")
	want := "TO               STATUS\na@example.net    550 5.1.1 No such mailbox here\nbob@example.net  250 ok\nname  one two\n"
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
}

// What strangers wrote does nothing to the terminal it is shown on.
func TestTerminalIsNotMoved(t *testing.T) {
	var b bytes.Buffer
	c := &cli{out: &b}
	c.table("REASON", [][]string{{"issued by \x1b]0;x\a\u009b2J\u202eevil\u2066"}}, "")
	if want := "REASON\nissued by  ]0;x  2J\uFFFDevil\uFFFD\n"; b.String() != want {
		t.Errorf("got %q", b.String())
	}
}
