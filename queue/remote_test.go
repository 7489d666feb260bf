package queue

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"posthorn/mail"
)

// remoteAnswer is a real answer of a remote server, from testdata/remote, and what
// it must become.
type remoteAnswer struct {
	name   string
	host   string
	reply  mail.Reply
	fields map[string]string
}

// remoteAnswers reads them all.
func remoteAnswers(t *testing.T) []remoteAnswer {
	t.Helper()
	files, err := filepath.Glob("testdata/remote/*.txt")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d answers, error %v", len(files), err)
	}
	var all []remoteAnswer
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, body, ok := strings.Cut(string(data), "\n\n")
		reply, err := ReadReply(body)
		if !ok || err != nil {
			t.Fatalf("%s: no reply: %v", file, err)
		}
		a := remoteAnswer{name: strings.TrimSuffix(filepath.Base(file), ".txt"), reply: reply, fields: make(map[string]string)}
		for sc := bufio.NewScanner(strings.NewReader(head)); sc.Scan(); {
			k, v, _ := strings.Cut(sc.Text(), ": ")
			a.fields[k] = v
		}
		a.host = a.fields["host"]
		all = append(all, a)
	}
	return all
}

func (a remoteAnswer) duration(t *testing.T, field string) time.Duration {
	if a.fields[field] == "" {
		return 0
	}
	d, err := time.ParseDuration(a.fields[field])
	if err != nil {
		t.Fatalf("%s: %s: %v", a.name, field, err)
	}
	return d
}

// Each becomes what its file says, and nothing that the file does not say.
func TestRemoteAnswers(t *testing.T) {
	for _, a := range remoteAnswers(t) {
		t.Run(a.name, func(t *testing.T) {
			f := Classify(a.reply)
			action := "failed"
			if f.Decision != Fail {
				action = "delayed"
			}
			pace := ""
			if f.Pace > 0 {
				pace = strconv.Itoa(f.Pace)
			}
			for field, got := range map[string]string{
				"decision": string(f.Decision), "kind": string(f.Kind), "who": string(f.Who), "status": f.Status.String(), "action": action, "pace": pace,
				"list": f.Params["list"],
			} {
				if got != a.fields[field] {
					t.Errorf("%s: got %q, want %q (the text says %q)", field, got, a.fields[field], readSign(a.reply.Text))
				}
			}
			for _, field := range []string{"link", "ip"} { // named where they matter
				if want := a.fields[field]; want != "" && f.Params[field] != want {
					t.Errorf("%s: got %q, want %q", field, f.Params[field], want)
				}
			}
			if want := a.duration(t, "wait"); f.Wait != want {
				t.Errorf("waits %v, want %v", f.Wait, want)
			}
			if want := a.duration(t, "limit"); f.Limit != want {
				t.Errorf("limit %v, want %v", f.Limit, want)
			}
		})
	}
}
