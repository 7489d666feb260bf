package mail

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// TestRepliesAgree reads replies.go itself, so that no reply can be left out:
// the name is the variable's, the class of the enhanced code is the first
// digit of the code, names are unique and texts are one line.
func TestRepliesAgree(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "replies.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		n++
		fields := spec.Values[0].(*ast.CompositeLit).Elts
		name, _ := strconv.Unquote(fields[0].(*ast.BasicLit).Value)
		code := fields[1].(*ast.BasicLit).Value
		class := fields[2].(*ast.CompositeLit).Elts[0].(*ast.BasicLit).Value
		text, _ := strconv.Unquote(fields[3].(*ast.BasicLit).Value)
		if name != spec.Names[0].Name {
			t.Errorf("%s calls itself %s", spec.Names[0].Name, name)
		}
		if code[:1] != class {
			t.Errorf("%s: code %s has an enhanced code of class %s", name, code, class)
		}
		if text == "" || strings.ContainsAny(text, "\r\n") {
			t.Errorf("%s: its text is not one line: %q", name, text)
		}
		return true
	})
	if n < 50 {
		t.Errorf("only %d replies were found", n)
	}
}

func TestReplyIsComparesNames(t *testing.T) {
	err := fmt.Errorf("verify a@b: %w", MailboxFull.With("a@b"))
	if !errors.Is(err, MailboxFull) || errors.Is(err, MailboxFullHard) {
		t.Errorf("%v is MailboxFull and nothing else", err)
	}
	if errors.Is(Reply{Code: 550, Text: "no"}, Reply{Code: 550, Text: "never"}) {
		t.Error("two different remote replies without a name are not the same")
	}
}

func TestReplyToUnforeseenIsTemporary(t *testing.T) {
	r, foreseen := ReplyTo(errors.New("disk on fire"))
	if foreseen || !errors.Is(r, LocalError) || !r.Temporary() {
		t.Errorf("got %v, foreseen %v", r, foreseen)
	}
	if r, foreseen = ReplyTo(fmt.Errorf("x: %w", NoSuchMailbox.With("a"))); !foreseen || r.Code != 550 {
		t.Errorf("got %v, foreseen %v", r, foreseen)
	}
}

func TestWithCleansWhatStrangersWrote(t *testing.T) {
	got := NoSuchMailbox.With("a\r\n250 2.0.0 ok\x1b[2J\xff").Text
	if strings.ContainsAny(got, "\r\n\x1b") || !strings.Contains(got, "\uFFFD") {
		t.Errorf("%q", got)
	}
	if n := len(Clean(strings.Repeat("ü", 5000))); n > 1024 {
		t.Errorf("Clean leaves %d octets", n)
	}
}
