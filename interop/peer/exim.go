package peer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
)

// Exim describes Debian's Exim in front of the same Dovecot, at the MX port only.
// It cannot be installed beside Postfix, so its package is fetched and unpacked
// into the folder.
type Exim struct{ Debian }

// Start fetches Exim, starts both and waits until they listen.
func (e Exim) Start() (*Server, error) {
	e.front = e.startExim
	s, err := e.Debian.Start()
	if s != nil {
		s.Name, s.Submission, s.Drop = "exim+dovecot", "", nil
	}
	return s, err
}

func (e Exim) startExim(s *Server) (pidFile string, err error) {
	binary, err := e.unpack()
	if err != nil {
		return "", err
	}
	for _, dir := range []string{"exim/spool", "exim/log"} {
		if err := os.MkdirAll(e.path(dir), 0o755); err != nil {
			return "", err
		}
		if out, err := exec.Command("chown", "postfix:postfix", e.path(dir)).CombinedOutput(); err != nil {
			return "", fmt.Errorf("chown %s: %w: %s", dir, err, out)
		}
	}
	var b strings.Builder
	if err := eximConf.Execute(&b, struct {
		Debian
		S *Server
	}{e.Debian, s}); err != nil {
		return "", err
	}
	if err := os.WriteFile(e.path("exim", "conf"), []byte(b.String()), 0o644); err != nil {
		return "", err
	}
	if err := e.people(); err != nil {
		return "", err
	}
	pidFile = e.path("exim", "spool", "exim-daemon.pid")
	// In a mount namespace of its own, where there is a user Debian-exim.
	const script = `mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/group" /etc/group && exec "$2" -bd -C "$1/conf" -oP "$3"`
	return pidFile, e.start("unshare", "-m", "sh", "-c", script, "sh", e.path("exim"), binary, pidFile)
}

// unpack gives the path of the program.
func (e Exim) unpack() (string, error) {
	script := `set -e; cd "$1"; apt-get -q -o APT::Sandbox::User=root download exim4-daemon-light; dpkg -x exim4-daemon-light_*.deb root`
	if err := os.MkdirAll(e.path("exim"), 0o755); err != nil {
		return "", err
	}
	if out, err := exec.Command("sh", "-c", script, "sh", e.path("exim")).CombinedOutput(); err != nil {
		return "", fmt.Errorf("fetch Exim: %w: %s", err, out)
	}
	return e.path("exim", "root", "usr", "sbin", "exim4"), nil
}

// people writes the users and groups of this machine with one more: the program
// wants the user that it was built for. It is Postfix's by another name, who may
// talk to Dovecot.
func (e Exim) people() error {
	for _, name := range []string{"passwd", "group"} {
		b, err := os.ReadFile(filepath.Join("/etc", name))
		if err != nil {
			return err
		}
		text := string(b)
		for line := range strings.Lines(text) {
			if rest, ok := strings.CutPrefix(line, "postfix:"); ok {
				text = strings.TrimSuffix(text, "\n") + "\nDebian-exim:" + rest
			}
		}
		if err := os.WriteFile(e.path("exim", name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Deliveries of one connection are not put off after the tenth message, as
// Exim does by default: it would deliver the rest at its next look at the queue,
// half an hour later.
var eximConf = template.Must(template.New("exim.conf").Funcs(funcs).Parse(`exim_user = postfix
exim_group = postfix
deliver_drop_privilege = true
spool_directory = {{.Dir}}/exim/spool
log_file_path = {{.Dir}}/exim/log/%slog
primary_hostname = {{.Hostname}}
local_interfaces = 127.0.0.1
daemon_smtp_ports = {{port .S.SMTP}}
domainlist local_domains = {{.Domain}}
acl_smtp_rcpt = rcpt
tls_advertise_hosts = *
tls_certificate = {{.Dir}}/tls/server.pem
tls_privatekey = {{.Dir}}/tls/server.key
message_size_limit = 50M
smtp_accept_max = 500
smtp_accept_queue_per_connection = 0
host_lookup =
rfc1413_query_timeout = 0s
never_users =
begin acl
rcpt:
  accept domains = +local_domains
  deny
begin routers
here:
  driver = accept
  domains = +local_domains
  transport = dovecot
begin transports
dovecot:
  driver = lmtp
  socket = {{.Dir}}/dovecot/run/postfix-lmtp
  rcpt_include_affixes
  batch_max = 100
  user = postfix
begin retry
* * F,2h,15m
`))
