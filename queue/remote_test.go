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

// remoteAnswer is an answer of a remote server, from testdata/remote, and what it
// must become. Its field from says where the words were seen, but for the addresses,
// names and ids in them; "made up" and "from memory" mean that no server was seen to
// say them.
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

// Those whose words were seen suffice, and each family has some.
func TestRemoteAnswersAreReal(t *testing.T) {
	seen := make(map[string]int)
	for _, a := range remoteAnswers(t) {
		if a.fields["from"] == "" || a.host == "" {
			t.Errorf("%s: who said it, and where was it seen?", a.name)
		}
		if strings.HasPrefix(a.fields["from"], "made up") || strings.Contains(a.fields["from"], "from memory") {
			seen["not at all"]++
			continue
		}
		family, _, _ := strings.Cut(a.name, "-")
		seen[family]++
		seen["all"]++
	}
	if seen["all"] < 60 || seen["not at all"] > seen["all"]/10 {
		t.Errorf("%d answers were seen, %d not", seen["all"], seen["not at all"])
	}
	for _, family := range []string{
		"gmail", "outlook", "m365", "yahoo", "icloud", "gmx", "webde", "tonline", "exchange", "postfix", "postscreen", "exim", "sendmail", "qmail",
		"proofpoint", "mimecast", "barracuda", "rspamd", "sqlgrey", "greylistd", "qq", "mailru", "yandex", "zoho",
	} {
		if seen[family] == 0 {
			t.Errorf("nothing of %s", family)
		}
	}
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
