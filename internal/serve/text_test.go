package serve

import (
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"
)

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		text, shown string
		want        time.Duration
	}{
		{"90s", "1m30s", 90 * time.Second},
		{"5m", "5m", 5 * time.Minute},
		{"4h", "4h", 4 * time.Hour},
		{"1h30m", "1h30m", 90 * time.Minute},
		{"5d", "5d", 120 * time.Hour},
		{"48h", "2d", 48 * time.Hour},
		{"0s", "0s", 0},
		{"10ms", "10ms", 10 * time.Millisecond},
	} {
		var d Duration
		if err := d.UnmarshalText([]byte(c.text)); err != nil || time.Duration(d) != c.want || d.String() != c.shown {
			t.Errorf("%s: got %d %s %v", c.text, d, d, err)
		}
		var back Duration
		if err := back.UnmarshalText([]byte(d.String())); err != nil || back != d {
			t.Errorf("%s: %s does not read back", c.text, d)
		}
	}
	for _, bad := range []string{"", "5", "-5m", "d", "-1d", "1.5d", "5 minutes", "99999999d"} {
		var d Duration
		if err := d.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was taken as %s", bad, d)
		}
	}
}

func TestSize(t *testing.T) {
	for _, c := range []struct {
		text, shown string
		want        int64
	}{
		{"0", "0", 0},
		{"1000", "1000", 1000},
		{"512k", "512KB", 512 << 10},
		{"50MB", "50MB", 50 << 20},
		{"50 MiB", "50MB", 50 << 20},
		{"2G", "2GB", 2 << 30},
		{"1024MB", "1GB", 1 << 30},
		{"3T", "3TB", 3 << 40},
		{"77B", "77", 77},
	} {
		var z Size
		if err := z.UnmarshalText([]byte(c.text)); err != nil || int64(z) != c.want || z.String() != c.shown {
			t.Errorf("%s: got %d %s %v", c.text, int64(z), z, err)
		}
	}
	for _, bad := range []string{"", "B", "G", "-1", "1.5G", "ten", "9999999999T", "1 2"} {
		var z Size
		if err := z.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was taken as %s", bad, z)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("5d")
	f.Add("50MiB")
	f.Fuzz(func(t *testing.T, s string) {
		var d, d2 Duration
		if d.UnmarshalText([]byte(s)) == nil && (d2.UnmarshalText([]byte(d.String())) != nil || d2 != d || d < 0) {
			t.Errorf("duration %q shows as %s", s, d)
		}
		var z, z2 Size
		if z.UnmarshalText([]byte(s)) == nil && (z2.UnmarshalText([]byte(z.String())) != nil || z2 != z || z < 0) {
			t.Errorf("size %q shows as %s", s, z)
		}
	})
}

// The config file may give a size as a string or as a bare number.
func TestTOML(t *testing.T) {
	var c struct {
		Wait  Duration
		Big   Size
		Plain Size
	}
	if err := toml.Unmarshal([]byte("wait = \"5m\"\nbig = \"2G\"\nplain = 1000\n"), &c); err != nil {
		t.Fatal(err)
	}
	if c.Wait != Duration(5*time.Minute) || c.Big != 2<<30 || c.Plain != 1000 {
		t.Errorf("got %+v", c)
	}
	out, err := toml.Marshal(c)
	if err != nil || string(out) != "Wait = '5m'\nBig = '2GB'\nPlain = '1000'\n" {
		t.Errorf("%s %v", out, err)
	}
}
