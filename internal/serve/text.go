package serve

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration as the config file writes it: "90s", "5m",
// "1h30m", and "5d" for days of 24 hours. It is never negative.
type Duration time.Duration

const day = Duration(24 * time.Hour)

// UnmarshalText reads one.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	if n, ok := strings.CutSuffix(s, "d"); ok {
		days, err := strconv.ParseUint(n, 10, 16)
		if err != nil {
			return fmt.Errorf("%q is not a duration such as \"90s\", \"5m\" or \"5d\"", s)
		}
		*d = Duration(days) * day
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a duration such as \"90s\", \"5m\" or \"5d\"", s)
	}
	*d = Duration(v)
	return nil
}

// String gives the shortest form that UnmarshalText reads back.
func (d Duration) String() string {
	if d >= day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalText is String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Size is a number of octets as the config file and the command line write
// it: "50MB", "2G", "512k" or a bare number. The units are powers of 1,024,
// as mail programs count; B, iB and small letters are accepted.
type Size int64

const sizeUnits = "KMGT"

// UnmarshalText reads one.
func (z *Size) UnmarshalText(text []byte) error {
	s := strings.ToUpper(strings.TrimSpace(string(text)))
	s = strings.TrimSuffix(strings.TrimSuffix(s, "B"), "I")
	shift := 0
	if i := strings.IndexByte(sizeUnits, last(s)); i >= 0 {
		s, shift = s[:len(s)-1], 10*(i+1)
	}
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 63)
	if err != nil || n > math.MaxInt64>>shift {
		return fmt.Errorf("%q is not a size such as \"50MB\" or \"2G\"", text)
	}
	*z = Size(n << shift)
	return nil
}

// last is the last octet of s, or 0.
func last(s string) byte {
	if s == "" {
		return 0
	}
	return s[len(s)-1]
}

// String gives the shortest exact form, such as "50MB".
func (z Size) String() string {
	unit := ""
	for i := 0; i < len(sizeUnits) && z >= 1024 && z%1024 == 0; i++ {
		z /= 1024
		unit = sizeUnits[i:i+1] + "B"
	}
	return strconv.FormatInt(int64(z), 10) + unit
}

// MarshalText is String.
func (z Size) MarshalText() ([]byte, error) { return []byte(z.String()), nil }
