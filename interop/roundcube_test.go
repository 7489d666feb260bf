package interop

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"posthorn/interop/peer"
)

// roundcubeHome is where Debian's roundcube-core lies.
const roundcubeHome = "/var/lib/roundcube"

// TestRoundcube sits a person down at Debian's Roundcube, its caches on, which
// makes it use QRESYNC. What it said to the server is looked through for
// commands that were refused.
func TestRoundcube(t *testing.T) {
	need(t, "php", "python3", "swaks")
	if _, err := os.Stat(roundcubeHome + "/public_html/index.php"); err != nil {
		leaveOut(t, "roundcube-core is not installed (interop/install.sh)")
	}
	pr := serve(t, peer.Posthorn{})
	for i := 1; i <= 11; i++ {
		body := fmt.Sprintf("The words of number %d.\n", i)
		if i == 3 {
			body = "A needle in the third letter.\n"
		}
		mustRun(t, "", "swaks", swaksArgs(pr.SMTP, address("alice"), "--header", fmt.Sprintf("Subject: number %d", i), "--body", body)...)
	}
	mustRun(t, "", "swaks", swaksArgs(pr.SMTP, address("alice"), "--data", file(t, "picture.eml", picture()))...)

	dir, url := startRoundcube(t, pr.Server)
	out := python(t, pr.Server, "roundcube.py", url, address("alice"), address("bob"))
	contains(t, out, "\nok\n")
	if got := inbox(t, pr.Server, address("bob")); len(got) != 1 || !strings.Contains(got[0], "Hello from the web") {
		t.Errorf("bob's INBOX holds %q", got)
	}
	said, err := os.ReadFile(filepath.Join(dir, "imap.log"))
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(said), "ENABLE QRESYNC", "CHANGEDSINCE", " SORT ", " THREAD REFS ")
	for _, refused := range regexp.MustCompile(`(?m)S: A\d+ (NO|BAD) .*$`).FindAll(said, -1) {
		t.Errorf("a command was refused: %s", refused)
	}
	if errs, _ := os.ReadFile(filepath.Join(dir, "errors.log")); len(errs) > 0 {
		t.Errorf("Roundcube complains:\n%s", tail(errs, 4000))
	}
}

// picture is a message of text in two forms and a binary attachment.
func picture() string {
	octets := make([]byte, 256)
	for i := range octets {
		octets[i] = byte(i)
	}
	encoded := base64.StdEncoding.EncodeToString(bytes.Repeat(octets, 40))
	var lines strings.Builder
	for len(encoded) > 0 {
		n := min(76, len(encoded))
		lines.WriteString(encoded[:n] + "\r\n")
		encoded = encoded[n:]
	}
	return "From: stranger@elsewhere.test\r\nTo: alice@example.test\r\nSubject: a picture\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n" +
		"--m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
		"Gr=C3=BC=C3=9Fe mit Bild\r\n--a\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Gr&uuml;&szlig;e mit Bild</p>\r\n--a--\r\n" +
		"--m\r\nContent-Type: image/png; name=\"b.png\"\r\nContent-Disposition: attachment; filename=\"b.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		lines.String() + "--m--\r\n.\r\n"
}

// startRoundcube serves it by PHP's own web server, with a database and a
// configuration of its own, and gives where its logs are.
func startRoundcube(t *testing.T, s *peer.Server) (logs, url string) {
	t.Helper()
	dir := t.TempDir()
	_, imap := split(t, s.IMAPS)
	_, submission := split(t, s.Submission)
	defaults, err := os.ReadFile("/etc/roundcube/defaults.inc.php")
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf(`<?php
$config = [];
$config['db_dsnw'] = 'sqlite:///%[1]s/db.sqlite?mode=0600';
$tls = ['ssl' => ['verify_peer' => true, 'verify_peer_name' => false, 'cafile' => '%[2]s']];
$config['imap_host'] = 'ssl://localhost:%[3]s';
$config['imap_conn_options'] = $tls;
$config['imap_cache'] = 'db';
$config['messages_cache'] = 'db';
$config['imap_debug'] = true;
$config['smtp_host'] = 'tls://localhost:%[4]s';
$config['smtp_user'] = '%%u';
$config['smtp_pass'] = '%%p';
$config['smtp_conn_options'] = $tls;
$config['des_key'] = 'twenty-four octets long.';
$config['log_driver'] = 'file';
$config['log_dir'] = '%[1]s';
$config['temp_dir'] = '%[1]s';
$config['create_default_folders'] = true;
$config['plugins'] = [];
$config['skin'] = 'elastic';
$config['language'] = 'en_US';
$config['enable_installer'] = false;
`, dir, s.CA, imap, submission)
	for name, text := range map[string]string{"config.inc.php": config, "defaults.inc.php": string(defaults)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	address := freeAddress(t)
	c := exec.Command("php", "-S", address, "-t", roundcubeHome+"/public_html")
	c.Env = append(os.Environ(), "ROUNDCUBE_CONFIG_DIR="+dir, "PHP_CLI_SERVER_WORKERS=2")
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its workers end with it
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-c.Process.Pid, syscall.SIGTERM)
		c.Wait()
		if t.Failed() {
			t.Logf("php said:\n%s", tail(said.Bytes(), 4000))
		}
	})
	if err := peer.WaitListening(20*time.Second, address); err != nil {
		t.Fatal(err)
	}
	return dir, "http://" + address + "/"
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
