package mtasts_test

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"posthorn/internal/dns"
	"posthorn/internal/dns/dnstest"
	"posthorn/relay/mtasts"
	"posthorn/relay/relaytest"
	"posthorn/store"
	"posthorn/store/blank"
)

// web is a web server for mta-sts.x.test, and the cache that asks it.
type web struct {
	*testing.T
	*mtasts.Cache
	dns   *dnstest.Server
	st    *store.Store
	reply atomic.Value // http.HandlerFunc
	asked atomic.Int32
}

func newWeb(t *testing.T, names ...string) *web {
	t.Helper()
	w := &web{T: t, dns: dnstest.Start(t, dnstest.Zones{"_mta-sts.x.test": {TXT: []string{"v=STSv1; id=1;"}, TTL: 1}})}
	ca := relaytest.NewAuthority(t)
	if len(names) == 0 {
		names = []string{"mta-sts.x.test"}
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.asked.Add(1)
		if r.Host != "mta-sts.x.test" || r.URL.Path != "/.well-known/mta-sts.txt" {
			t.Errorf("asked for %s%s", r.Host, r.URL)
		}
		w.reply.Load().(http.HandlerFunc)(rw, r)
	}))
	s.TLS = ca.Server(time.Now().Add(time.Hour), names...)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	w.st = blank.Open(t, store.Options{})
	roots := x509.NewCertPool()
	roots.AddCert(ca.Cert)
	fetcher := &mtasts.Fetcher{Roots: roots, Port: s.Listener.Addr().(*net.TCPAddr).Port,
		Addresses: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.9"), netip.MustParseAddr("127.0.0.1")}, nil // nobody listens on the first
		}}
	w.Cache = &mtasts.Cache{DNS: dns.New(w.dns.Addr), Memory: w.st, Fetch: fetcher.Fetch, Log: slog.New(slog.DiscardHandler)}
	w.says(text(example))
	return w
}

func (w *web) says(h http.HandlerFunc) { w.reply.Store(h) }

func (w *web) announce(id string) {
	w.Helper()
	w.dns.Set("_mta-sts.x.test", dnstest.Node{TXT: []string{"v=STSv1; id=" + id}, TTL: 1})
	w.DNS = dns.New(w.dns.Addr) // its cache is not what is tested here
}

func text(s string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		rw.Write([]byte(s))
	}
}

// RFC 8461 §3.3: a policy is fetched once, and kept also when the web, the DNS or
// what it publishes is broken later.
func TestFindKeepsWhatItHas(t *testing.T) {
	w := newWeb(t)
	for range 3 {
		if f := w.Find(t.Context(), "x.test"); f.ID != "1" || f.Mode != mtasts.Enforce || f.Problem != nil || !f.Names("mail.example.com") {
			t.Fatalf("got %+v", f)
		}
	}
	if n := w.asked.Load(); n != 1 {
		t.Errorf("fetched %d times", n)
	}
	w.announce("2")
	w.says(func(rw http.ResponseWriter, r *http.Request) { http.Error(rw, "gone", http.StatusGone) })
	for range 3 {
		if f := w.Find(t.Context(), "x.test"); f.ID != "1" || !errors.Is(f.Problem, mtasts.ErrFetch) {
			t.Fatalf("a new one that cannot be fetched: got %+v", f)
		}
	}
	if n := w.asked.Load(); n != 2 {
		t.Errorf("fetched %d times: the web server is left alone after a failure", n)
	}
	w.dns.Set("_mta-sts.x.test", dnstest.Node{ServFail: true})
	w.DNS = dns.New(w.dns.Addr)
	if f := w.Find(t.Context(), "x.test"); f.ID != "1" || f.Mode != mtasts.Enforce {
		t.Errorf("the DNS is broken: got %+v", f)
	}
	w.announce("3")
	w.says(text("version: STSv1\nmode: none\nmax_age: 60\n"))
	if f := w.Find(t.Context(), "x.test"); f.ID != "3" || f.Mode != mtasts.None {
		t.Errorf("a new one: got %+v", f)
	}
}

func TestWhatIsNoPolicy(t *testing.T) {
	tests := []struct {
		name string
		says http.HandlerFunc
		want error
	}{
		{"a redirect", func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, "/.well-known/mta-sts.txt?", http.StatusFound)
		}, mtasts.ErrFetch},
		{"HTML", func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "text/html")
			rw.Write([]byte(example))
		}, mtasts.ErrFetch},
		{"too large", text(example + strings.Repeat("x: y\n", 20000)), mtasts.ErrFetch},
		{"not a policy", text("version: STSv1\nmode: perhaps\n"), mtasts.ErrInvalid},
		{"broken off", func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "text/plain")
			rw.Header().Set("Content-Length", "1000")
			rw.Write([]byte(example))
		}, mtasts.ErrFetch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWeb(t)
			w.says(tt.says)
			if f := w.Find(t.Context(), "x.test"); f.ID != "" || f.Mode != "" || !errors.Is(f.Problem, tt.want) {
				t.Errorf("got %+v", f)
			}
			if n := w.asked.Load(); n != 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
	t.Run("a certificate for another name", func(t *testing.T) {
		w := newWeb(t, "x.test")
		if f := w.Find(t.Context(), "x.test"); f.ID != "" || !errors.Is(f.Problem, mtasts.ErrWebPKI) {
			t.Errorf("got %+v", f)
		}
	})
}

// A domain's senders wait for one fetch, and a domain's web server that hangs is
// not waited for longer than the sender does.
func TestFetchIsShared(t *testing.T) {
	w := newWeb(t)
	arrived, release := make(chan struct{}, 10), make(chan struct{})
	w.says(func(rw http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-release
		text(example)(rw, r)
	})
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if f := w.Find(t.Context(), "x.test"); f.ID != "1" {
				t.Errorf("got %+v", f)
			}
		})
	}
	<-arrived
	brief, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if f := w.Find(brief, "x.test"); f.ID != "" {
		t.Errorf("before there is an answer: got %+v", f)
	}
	close(release)
	wg.Wait()
	if n := w.asked.Load(); n != 1 {
		t.Errorf("fetched %d times", n)
	}
}

// RFC 8461 §10.2: it is fetched anew before it expires, and forgotten after.
func TestRefresh(t *testing.T) {
	w := newWeb(t)
	if f := w.Find(t.Context(), "x.test"); f.ID != "1" {
		t.Fatalf("got %+v", f)
	}
	first, err := w.st.STSPolicy(t.Context(), "x.test")
	if err != nil {
		t.Fatal(err)
	}
	w.Refresh(t.Context(), time.Now().Add(time.Hour))
	if n := w.asked.Load(); n != 1 {
		t.Errorf("after an hour: fetched %d times", n)
	}
	w.says(func(rw http.ResponseWriter, r *http.Request) { http.Error(rw, "later", http.StatusServiceUnavailable) })
	late := first.Expires.Add(-2 * time.Hour)
	w.Refresh(t.Context(), late)
	kept, err := w.st.STSPolicy(t.Context(), "x.test")
	if err != nil || w.asked.Load() != 2 || !kept.Expires.Equal(first.Expires) || !kept.Refresh.After(late) {
		t.Errorf("one that cannot be fetched: got %+v, %v after %d fetches", kept, err, w.asked.Load())
	}
	w.says(text(strings.Replace(example, "604800", "1209600", 1)))
	w.Refresh(t.Context(), late.Add(90*time.Minute))
	if kept, err = w.st.STSPolicy(t.Context(), "x.test"); err != nil || !kept.Expires.After(first.Expires.Add(time.Hour)) {
		t.Errorf("fetched anew: got %+v, %v", kept, err)
	}
	w.Refresh(t.Context(), kept.Expires)
	if kept, err = w.st.STSPolicy(t.Context(), "x.test"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("expired: got %+v, %v", kept, err)
	}
}
