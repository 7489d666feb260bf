package main

import (
	"bytes"
	"errors"
	"fmt"
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
func decodeErrors(file string, err error) error {
	var missing *toml.StrictMissingError
	if errors.As(err, &missing) {
		var all []error
		for _, e := range missing.Errors {
			all = append(all, decodeError(file, &e, "there is no such key"))
		}
		return errors.Join(all...)
	}
	var e *toml.DecodeError
	if errors.As(err, &e) {
		return decodeError(file, e, strings.TrimPrefix(e.Error(), "toml: "))
	}
	return configError{file: file, what: strings.TrimPrefix(err.Error(), "toml: ")}
}

func decodeError(file string, e *toml.DecodeError, what string) error {
	line, _ := e.Position()
	return configError{file, line, strings.Join(e.Key(), "."), what}
}

// lineOf finds the line of a key, written with dots, in a file that has been
// decoded without a mistake: 0 when it is not there. Of an array of tables
// the nth entry is meant, counted from zero.
func lineOf(data []byte, key string, nth int) int {
	var p unstable.Parser
	p.Reset(data)
	var table []string
	entries := 0
	for p.NextExpression() {
		e := p.Expression()
		name, at := keyOf(e)
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
		}
		if strings.Join(name, ".") == key && entries == nth {
			return bytes.Count(data[:at], []byte("\n")) + 1
		}
	}
	return 0
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
