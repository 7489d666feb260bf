package queue

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"posthorn/mail"
)

// ourReplies are all of mail/replies.go.
func ourReplies(t *testing.T) (all []mail.Reply) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../mail/replies.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	integer := func(e ast.Expr) int {
		n, err := strconv.Atoi(e.(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	text := func(e ast.Expr) string {
		s, err := strconv.Unquote(e.(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		return strings.NewReplacer("%s", "x", "%d", "1000").Replace(s)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok || len(lit.Elts) != 4 {
			return true
		}
		r := mail.Reply{Name: text(lit.Elts[0]), Code: integer(lit.Elts[1]), Text: text(lit.Elts[3])}
		for i, e := range lit.Elts[2].(*ast.CompositeLit).Elts {
			r.X[i] = integer(e)
		}
		all = append(all, r)
		return true
	})
	if len(all) < 60 {
		t.Fatalf("%d replies", len(all))
	}
	return all
}

// What this program says to others explains itself, here and where it arrives.
func TestOurRepliesHaveWords(t *testing.T) {
	for _, r := range ourReplies(t) {
		if r.Code < 400 {
			continue
		}
		for _, name := range []string{r.Name, ""} {
			said := r
			said.Name = name
			if f := Classify(said); f.Kind == "refused" || f.Kind == "later" {
				t.Errorf("%s (named %v): %s: only %q", r.Name, name != "", r, f.Kind)
			} else if f.Status != r.X {
				t.Errorf("%s: the status is %v, it says %v", r.Name, f.Status, r.X)
			}
		}
	}
}
