package main

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// configError is one mistake in a config file. A file may have several; they
// are reported together.
type configError struct {
	file string
	line int    // 0 when the key is not in the file
	key  string // with dots, "" for a mistake of syntax
	what string
}

func (e configError) Error() string {
	s := e.file
	if e.line > 0 {
		s += fmt.Sprintf(":%d", e.line)
	}
	if e.key != "" {
		s += ": " + e.key
	}
	return s + ": " + e.what
}

// decodeErrors puts what the decoder found into configErrors.
func decodeErrors(file string, data []byte, err error) error {
	var missing *toml.StrictMissingError
	if errors.As(err, &missing) {
		var all []error
		for _, e := range missing.Errors {
			all = append(all, decodeError(file, data, &e, "there is no such key"))
		}
		return errors.Join(all...)
	}
	var e *toml.DecodeError
	if errors.As(err, &e) {
		return decodeError(file, data, e, plainWords(e.Error()))
	}
	return configError{file: file, what: plainWords(err.Error())}
}

func decodeError(file string, data []byte, e *toml.DecodeError, what string) error {
	line, _ := e.Position()
	key := strings.Join(e.Key(), ".")
	// Of a key that stands twice the decoder gives the last part.
	if table := tableAt(data, line); table != "" && what == setTwice && !strings.Contains(key, ".") {
		key = table + "." + key
	}
	return configError{file, line, key, what}
}

const setTwice = "is set twice"

// plainer puts what libraries say about a value into words for somebody who
// has the config file open, and not our source.
var plainer = []struct {
	said  *regexp.Regexp
	words string
}{
	{regexp.MustCompile(`^cannot decode TOML (\w+) into struct field \S+ of type string$`), `a text in quotes is needed here, not a TOML $1`},
	{regexp.MustCompile(`^cannot decode TOML (\w+) into struct field \S+ of type bool$`), `true or false is needed here, not a TOML $1`},
	{regexp.MustCompile(`^cannot decode TOML (\w+) into struct field \S+ of type u?int\d*$`), `a number is needed here, not a TOML $1`},
	{regexp.MustCompile(`^cannot decode TOML (\w+) into struct field \S+ of type \S+$`), `a TOML $1 cannot stand here`},
	{regexp.MustCompile(`^netip\.ParsePrefix\("(.*)"\): .*`), `"$1" is not a network such as "192.0.2.0/24"`},
	{regexp.MustCompile(`^slog: level string "(.*)": .*`), `"$1" is not "debug", "info", "warn" or "error"`},
	{regexp.MustCompile(`^key \S+ is already defined$`), setTwice},
	{regexp.MustCompile(`^table \S+ already exists$`), "this table stands twice"},
}

func plainWords(what string) string {
	what = strings.TrimPrefix(what, "toml: ")
	for _, p := range plainer {
		if p.said.MatchString(what) {
			return p.said.ReplaceAllString(what, p.words)
		}
	}
	return what
}

var tableHeading = regexp.MustCompile(`^\s*\[\[?\s*([\w.-]+)\s*\]`)

// tableAt names the table in which a line stands, in a file that may be
// broken further down.
func tableAt(data []byte, line int) (name string) {
	for i, text := range strings.Split(string(data), "\n") {
		if i+1 == line {
			break
		}
		if m := tableHeading.FindStringSubmatch(text); m != nil {
			name = m[1]
		}
	}
	return name
}

// lineOf finds the line of a key, written with dots, in a file that has been
// decoded without a mistake: 0 when it is not there. Of an array of tables
// the nth entry is meant, counted from zero.
func lineOf(data []byte, key string, nth int) int {
	line, _ := find(data, key, nth)
	return line
}

// find is lineOf with the kind of the key's value, Invalid for a table.
func find(data []byte, key string, nth int) (line int, value unstable.Kind) {
	var p unstable.Parser
	p.Reset(data)
	var table []string
	entries := 0
	for p.NextExpression() {
		e := p.Expression()
		name, at := keyOf(e)
		kind := unstable.Invalid
		switch e.Kind {
		case unstable.Table:
			table, entries = name, 0
		case unstable.ArrayTable:
			if strings.Join(name, ".") == strings.Join(table, ".") {
				entries++
			} else {
				entries = 0
			}
			table = name
		case unstable.KeyValue:
			name = append(append([]string{}, table...), name...)
			kind = e.Value().Kind
		}
		if strings.Join(name, ".") == key && entries == nth {
			return bytes.Count(data[:at], []byte("\n")) + 1, kind
		}
	}
	return 0, unstable.Invalid
}

// keyOf gives the parts of an expression's key and where its first one stands.
func keyOf(e *unstable.Node) (name []string, at uint32) {
	it := e.Key()
	for it.Next() {
		if name == nil {
			at = it.Node().Raw.Offset
		}
		name = append(name, string(it.Node().Data))
	}
	return name, at
}
