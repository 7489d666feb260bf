package main

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"posthorn/internal/serve"
	"posthorn/relay"
)

const exampleFile = "../../config.example.toml"

// The example holds every key with its default and no other key.
func TestExampleIsTheDefaults(t *testing.T) {
	text, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	var example Config
	if err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&example); err != nil {
		t.Fatal(decodeErrors(exampleFile, text, err))
	}
	got, want := lines(t, example), lines(t, DefaultConfig())
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("line %d: the example has %q, the defaults are %q", i+1, got[i:min(i+1, len(got))], want[i:min(i+1, len(want))])
		}
	}
	for _, key := range keys(reflect.TypeFor[Config](), "") {
		if key != "route" && lineOf(text, key, 0) == 0 {
			t.Errorf("%s is not in the example", key)
		}
	}
}

func lines(t *testing.T, c Config) []string {
	t.Helper()
	text, err := toml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	// A list that nobody set and an empty one mean the same.
	return strings.Split(strings.ReplaceAll(string(text), "route = []\n", ""), "\n")
}

// keys are all keys that a struct's tags name, with dots.
func keys(s reflect.Type, prefix string) (all []string) {
	for i := range s.NumField() {
		f := s.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
		switch {
		case name == "" || name == "-":
		case hasKeys(f.Type):
			all = append(all, keys(f.Type, prefix+name+".")...)
		default:
			all = append(all, prefix+name)
		}
	}
	return all
}

func hasKeys(s reflect.Type) bool {
	if s.Kind() != reflect.Struct {
		return false
	}
	for i := range s.NumField() {
		if s.Field(i).Tag.Get("toml") != "" {
			return true
		}
	}
	return false
}

// A route has no default; the example shows one as a comment, with every key.
func TestExampleShowsARoute(t *testing.T) {
	text, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	_, route, ok := strings.Cut(string(text), "# [[route]]\n")
	if !ok {
		t.Fatal("no route in the example")
	}
	route = "[[route]]\n" + regexp.MustCompile(`(?m)^# `).ReplaceAllString(route, "")
	cfg, err := parseConfig("route", []byte("hostname = 'a.b'\n"+route))
	if err != nil || len(cfg.Route) != 1 {
		t.Fatalf("%v, %d routes", err, len(cfg.Route))
	}
	for _, key := range keys(reflect.TypeFor[relay.Route](), "") {
		if !slices.Contains(strings.Fields(route), key) {
			t.Errorf("%s is not shown", key)
		}
	}
}

func TestPathsAreRelativeToTheConfigFile(t *testing.T) {
	cfg, err := parseConfig("/etc/x/posthorn.toml", []byte("hostname = 'A.B.'\ndata_dir = 'data'\n[tls]\ncertificate = 'c.pem'\nkey = '/k.pem'\n"+
		"[[route]]\ndomain = '*'\nvia = 'file:out'\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := []string{cfg.Hostname, cfg.DataDir, cfg.TLS.Certificate, cfg.TLS.Key, cfg.Route[0].Via}
	want := []string{"a.b", "/etc/x/data", "/etc/x/c.pem", "/k.pem", "file:/etc/x/out"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestWithoutAConfigFile(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{{"config", "check"}, {"serve"}, {"user", "list"}} {
		if out, errs, code := command(t, "", args...); code != exitUsage || !strings.Contains(errs, "no config file") || out != "" {
			t.Errorf("%v: exit %d, %s%s", args, code, out, errs)
		}
	}
	if err := os.WriteFile("posthorn.toml", []byte("hostname = 'a.b'\n[imap]\nlissten = ''\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := command(t, "", "config", "check"); code != exitUsage || !strings.Contains(errs, "posthorn.toml:3: imap.lissten") {
		t.Errorf("exit %d, %s", code, errs)
	}
	if err := os.WriteFile("posthorn.toml", []byte("hostname = 'a.b'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, errs, code := command(t, "", "config", "check"); code != exitDone || !strings.Contains(out, "is in order") {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
}

// Files that the config names are read before they are needed.
func TestConfigCheckReadsTheFilesItNames(t *testing.T) {
	dir := t.TempDir()
	cert, key, ca, err := serve.SelfSigned(dir, []string{"a.b"})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, file, want string }{
		{"everything is there", "[tls]\ncertificate = '" + cert + "'\nkey = '" + key + "'\n[[route]]\ndomain = '*'\nvia = 'mx'\nca_file = '" + ca + "'\n", "is in order"},
		{"no certificate", "[tls]\ncertificate = 'c.pem'\nkey = 'k.pem'\n", "posthorn.toml:3: tls.certificate: open "},
		{"no key", "[tls]\ncertificate = '" + cert + "'\nkey = 'k.pem'\n", "posthorn.toml:4: tls.key: open "},
		{"another's key", "[tls]\ncertificate = '" + ca + "'\nkey = '" + key + "'\n", "posthorn.toml:3: tls.certificate: "},
		{"no authority of clients", "[tls]\nclient_ca = '" + key + "'\n", "posthorn.toml:3: tls.client_ca: "},
		{"an issuer without TLS", "[auth.oidc]\nissuer = 'http://a.b'\naudience = 'mail'\n", "posthorn.toml:3: auth.oidc.issuer: "},
		{"an issuer for everything", "[auth.oidc]\nissuer = 'https://a.b'\n", "auth.oidc.audience: "},
		{"no secret", "[auth.oidc]\nissuer = 'https://a.b'\naudience = 'mail'\nclient_id = 'x'\nclient_secret_file = 'none'\n", "posthorn.toml:6: auth.oidc.client_secret_file: open "},
		{"no password", "[[route]]\ndomain = '*'\nvia = 'h:25'\nlogin = 'x'\npassword_file = 'p'\n", "posthorn.toml:6: route.password_file: open "},
		{"tags that nobody looks at", "[check]\nreports = false\n[mda]\nbatv = true\n", "posthorn.toml:5: mda.batv: "},
		{"tags", "[mda]\nbatv = true\n", "is in order"},
		{"an address of another host", "[relay]\nsource_ipv4 = '192.0.2.1'\n", "posthorn.toml:3: relay.source_ipv4: 192.0.2.1 is no address of this host"},
		{"a route's", "[[route]]\ndomain = '*'\nvia = 'mx'\nsource_ipv6 = '2001:db8::1'\n", "posthorn.toml:5: route.source_ipv6: 2001:db8::1 is no address"},
		{"an address of this host", "[relay]\nsource_ipv4 = '127.0.0.1'\n", "is in order"},
		{"no authority", "[[route]]\ndomain = '*'\nvia = 'mx'\nca_file = '" + key + "'\n", "posthorn.toml:5: route.ca_file: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "posthorn.toml")
			if err := os.WriteFile(file, []byte("hostname = 'a.b'\n"+test.file), 0o600); err != nil {
				t.Fatal(err)
			}
			want := exitUsage
			if test.want == "is in order" {
				want = exitDone
			}
			if out, errs, code := command(t, "", "--config", file, "config", "check"); code != want || !strings.Contains(out+errs, test.want) {
				t.Errorf("exit %d, %s%s\nwant %d, %s", code, out, errs, want, test.want)
			}
		})
	}
}
