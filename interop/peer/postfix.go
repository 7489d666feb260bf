package peer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/template"
	"time"
)

// Debian describes a Postfix with a Dovecot behind it, as Debian ships them:
// default durability, LMTP between them, Maildir, all on loopback. It needs
// root, for Postfix's master insists on it.
type Debian struct {
	Dir      string
	Hostname string
	Domain   string
	Users    []string // local parts
	Password string
	SMTP     string // where the MX port listens; a free port of 127.0.0.1 when empty
	// Transports sends mail for a domain to host:port; everything else is
	// refused, so that nothing leaves the machine.
	Transports map[string]string
	// DovecotExtra, PostfixExtra and MasterExtra are appended to the configurations.
	DovecotExtra, PostfixExtra, MasterExtra string
	// Wrap is a command that both are started through.
	Wrap []string

	front func(*Server) (pidFile string, err error) // starts what stands in Postfix's place
}

// Start writes the configurations, starts both and waits until they listen.
func (d Debian) Start() (*Server, error) {
	a, err := addresses(6)
	if err != nil {
		return nil, err
	}
	if d.SMTP != "" {
		a[0] = d.SMTP
	}
	s := &Server{Name: "postfix+dovecot", Dir: d.Dir, Domain: d.Domain, Password: d.Password,
		SMTP: a[0], Submission: a[1], IMAP: a[2], IMAPS: a[3], POP3: a[4], POP3S: a[5], CA: filepath.Join(d.Dir, "tls", "ca.pem")}
	for _, u := range d.Users {
		s.Users = append(s.Users, u+"@"+d.Domain)
	}
	if err := d.write(s); err != nil {
		return nil, err
	}
	if err := d.start("dovecot", "-c", d.path("dovecot", "dovecot.conf")); err != nil {
		return nil, err
	}
	s.Stop = d.stop
	s.Import = d.importMail
	s.Drop = func() error { return d.command("postsuper", "-c", d.path("postfix", "etc"), "-d", "ALL") }
	if d.front == nil {
		d.front = d.startPostfix
	}
	pidFile, err := d.front(s)
	if err != nil {
		d.stop()
		return nil, err
	}
	s.Roots = func() []int { return []int{pidIn(d.path("dovecot", "run", "master.pid")), pidIn(pidFile)} }
	if err := WaitListening(10*time.Second, s.SMTP, s.IMAP, s.IMAPS, s.POP3, s.POP3S); err != nil {
		d.stop()
		return nil, err
	}
	return s, nil
}

func (d Debian) startPostfix(s *Server) (pidFile string, err error) {
	if err := d.start("postfix", "-c", d.path("postfix", "etc"), "start"); err != nil {
		return "", err
	}
	return d.path("postfix", "spool", "pid", "master.pid"), WaitListening(10*time.Second, s.Submission)
}

// start is command through Wrap.
func (d Debian) start(argv ...string) error {
	argv = append(slices.Clone(d.Wrap), argv...)
	return d.command(argv[0], argv[1:]...)
}

// command runs a program that may leave daemons behind. They keep its output
// open, so it goes to a file: a pipe would not end before they do.
func (d Debian) command(name string, args ...string) error {
	out, err := os.Create(d.path(filepath.Base(name) + ".out"))
	if err != nil {
		return err
	}
	defer out.Close()
	c := exec.Command(name, args...)
	c.Stdout, c.Stderr = out, out
	if err := c.Run(); err != nil {
		said, _ := os.ReadFile(out.Name())
		logged, _ := os.ReadFile(d.path("postfix", "spool", "mail.log"))
		said = append(said, logged...)
		return fmt.Errorf("start %s: %w: %s", name, err, said)
	}
	return nil
}

func (d Debian) path(parts ...string) string {
	return filepath.Join(append([]string{d.Dir}, parts...)...)
}

func (d Debian) write(s *Server) error {
	for _, dir := range []string{"dovecot/run", "dovecot/state", "postfix/etc", "postfix/spool", "postfix/data", "vmail", "tls"} {
		if err := os.MkdirAll(d.path(dir), 0o755); err != nil {
			return err
		}
	}
	for p := d.Dir; p != "/" && p != os.TempDir(); p = filepath.Dir(p) {
		if err := os.Chmod(p, 0o755); err != nil { // both drop to other users
			return err
		}
	}
	if err := makeCertificate(d.path("tls"), d.Hostname, d.Domain); err != nil {
		return err
	}
	var passwd strings.Builder
	for _, u := range s.Users {
		fmt.Fprintf(&passwd, "%s:{PLAIN}%s::::::\n", u, d.Password)
	}
	files := map[string]string{"dovecot/passwd": passwd.String()}
	for name, t := range map[string]*template.Template{"dovecot/dovecot.conf": dovecotConf, "postfix/etc/main.cf": mainCF, "postfix/etc/master.cf": masterCF, "postfix/etc/transport": transportMap} {
		var b strings.Builder
		if err := t.Execute(&b, struct {
			Debian
			S *Server
		}{d, s}); err != nil {
			return err
		}
		files[name] = b.String()
	}
	files["postfix/etc/main.cf"] = lastOfEach(files["postfix/etc/main.cf"])
	for name, text := range files {
		if err := os.WriteFile(d.path(name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	for dir, user := range map[string]string{"vmail": "mail", "postfix/data": "postfix"} {
		if out, err := exec.Command("chown", user, d.path(dir)).CombinedOutput(); err != nil {
			return fmt.Errorf("chown %s: %w: %s", dir, err, out)
		}
	}
	return nil
}

// stop ends what runs by the process ids they wrote, after looking that the ids are
// still theirs.
func (d Debian) stop() {
	for name, file := range map[string]string{"dovecot": d.path("dovecot", "run", "master.pid"), "master": d.path("postfix", "spool", "pid", "master.pid"), "exim4": d.path("exim", "spool", "exim-daemon.pid")} {
		pid := pidIn(file)
		comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if pid <= 1 || strings.TrimSpace(string(comm)) != name {
			continue
		}
		syscall.Kill(pid, syscall.SIGTERM)
		for range 500 {
			if syscall.Kill(pid, 0) != nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

func pidIn(file string) int {
	b, _ := os.ReadFile(file)
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return n
}

func makeCertificate(dir, host, domain string) error {
	script := `set -e; cd "$1"; [ -s server.pem ] && exit 0
openssl ecparam -name prime256v1 -genkey -noout -out ca.key
openssl req -x509 -new -key ca.key -sha256 -days 3650 -subj "/CN=Loopback Test CA" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign -out ca.pem
openssl ecparam -name prime256v1 -genkey -noout -out server.key
openssl req -new -key server.key -subj "/CN=$2" -out server.csr
printf 'basicConstraints=CA:FALSE\nsubjectAltName=DNS:%s,DNS:%s,DNS:localhost,IP:127.0.0.1\n' "$2" "$3" > ext
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -sha256 -days 397 -extfile ext -out server.crt
cat server.crt ca.pem > server.pem`
	if out, err := exec.Command("sh", "-c", script, "sh", dir, host, domain).CombinedOutput(); err != nil {
		return fmt.Errorf("make certificate: %w: %s", err, out)
	}
	return nil
}

var funcs = template.FuncMap{
	"port": func(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] },
	"host": func(addr string) string { return addr[:strings.LastIndexByte(addr, ':')] },
}

var dovecotConf = template.Must(template.New("dovecot.conf").Funcs(funcs).Parse(`base_dir = {{.Dir}}/dovecot/run
state_dir = {{.Dir}}/dovecot/state
instance_name = posthorn-peer
log_path = {{.Dir}}/dovecot/dovecot.log
listen = 127.0.0.1
protocols = imap pop3 lmtp
hostname = {{.Hostname}}
auth_mechanisms = plain login
auth_username_format = %Lu
disable_plaintext_auth = no
ssl = yes
ssl_cert = <{{.Dir}}/tls/server.pem
ssl_key = <{{.Dir}}/tls/server.key
first_valid_uid = 8
mail_uid = mail
mail_gid = mail
mail_home = {{.Dir}}/vmail/%Ln
mail_location = maildir:~/Maildir
mail_max_userip_connections = 5000
auth_failure_delay = 1 secs
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%Lu {{.Dir}}/dovecot/passwd
}
userdb {
  driver = static
  args = uid=mail gid=mail home={{.Dir}}/vmail/%Ln
}
namespace inbox {
  inbox = yes
  separator = /
}
service imap-login {
  service_count = 0
  client_limit = 4000
  inet_listener imap {
    port = {{port .S.IMAP}}
  }
  inet_listener imaps {
    port = {{port .S.IMAPS}}
    ssl = yes
  }
}
service imap {
  process_limit = 4000
}
service anvil {
  client_limit = 12000
}
service auth {
  client_limit = 12000
  unix_listener postfix-auth {
    mode = 0660
    user = postfix
    group = postfix
  }
}
service pop3-login {
  inet_listener pop3 {
    port = {{port .S.POP3}}
  }
  inet_listener pop3s {
    port = {{port .S.POP3S}}
    ssl = yes
  }
}
service lmtp {
  unix_listener postfix-lmtp {
    mode = 0660
    user = postfix
    group = postfix
  }
}
protocol lmtp {
  postmaster_address = postmaster@{{.Domain}}
}
stats_writer_socket_path =
{{.DovecotExtra}}
`))

var mainCF = template.Must(template.New("main.cf").Funcs(funcs).Parse(`compatibility_level = 3.6
queue_directory = {{.Dir}}/postfix/spool
data_directory = {{.Dir}}/postfix/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
meta_directory = /etc/postfix
shlib_directory = /usr/lib/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = {{.Dir}}/postfix/spool/mail.log
maillog_file_prefixes = {{.Dir}}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = {{.Hostname}}
mydomain = {{.Domain}}
mydestination =
virtual_mailbox_domains = {{.Domain}}
virtual_mailbox_maps = inline:{ {{- range .S.Users}} { {{- .}}=x}{{end}} }
virtual_transport = lmtp:unix:{{.Dir}}/dovecot/run/postfix-lmtp
transport_maps = texthash:{{.Dir}}/postfix/etc/transport
default_transport = error:outbound mail is off here
relay_transport = error:outbound mail is off here
mynetworks =
alias_maps =
alias_database =
message_size_limit = 52428800
smtpd_tls_cert_file = {{.Dir}}/tls/server.pem
smtpd_tls_key_file = {{.Dir}}/tls/server.key
smtpd_tls_security_level = may
smtp_tls_security_level = may
smtpd_sasl_type = dovecot
smtpd_sasl_path = {{.Dir}}/dovecot/run/postfix-auth
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions =
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
smtpd_client_connection_count_limit = 0
smtputf8_enable = no
biff = no
minimal_backoff_time = 5s
maximal_backoff_time = 10s
queue_run_delay = 5s
{{.PostfixExtra}}
`))

var transportMap = template.Must(template.New("transport").Funcs(funcs).Parse(`none.invalid error:none
{{range $d, $a := .Transports}}{{$d}} smtp:[{{host $a}}]:{{port $a}}
{{end}}`))

var masterCF = template.Must(template.New("master.cf").Funcs(funcs).Parse(`{{.S.SMTP}} inet n - n - - smtpd
{{.S.Submission}} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes -o smtpd_client_restrictions=permit_sasl_authenticated,reject
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
{{.MasterExtra}}
`))
