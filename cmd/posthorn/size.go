package main

import (
	"strconv"
	"strings"

	"posthorn/internal/serve"
)

// parseLimit reads a limit in octets: a serve.Size, or "none", which is zero.
func parseLimit(s string) (int64, error) {
	if strings.EqualFold(s, "none") {
		return 0, nil
	}
	var z serve.Size
	err := z.UnmarshalText([]byte(s))
	return int64(z), err
}

// showSize gives a number of octets for people, to three digits.
func showSize(n int64) string {
	v, units := float64(n), " KMGT"
	for v >= 1000 && len(units) > 1 {
		v, units = v/1024, units[1:]
	}
	digits := 3
	if v >= 100 {
		digits = len(strconv.Itoa(int(v)))
	}
	return strings.TrimSpace(strconv.FormatFloat(v, 'g', digits, 64) + units[:1])
}

// showLimit is showSize for a limit, where zero limits nothing.
func showLimit(n int64) string {
	if n == 0 {
		return "none"
	}
	return showSize(n)
}
