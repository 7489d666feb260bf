package main

import "testing"

func TestParseLimit(t *testing.T) {
	for in, want := range map[string]int64{"none": 0, "None": 0, "0": 0, "500M": 500 << 20, "2G": 2 << 30, "1048576": 1 << 20, "1.5G": -1, "-1": -1, "": -1, "G": -1} {
		got, err := parseLimit(in)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q: got %d, want %d", in, got, want)
		}
	}
}

func TestShowSizeIsShort(t *testing.T) {
	for in, want := range map[int64]string{0: "0", 512: "512", 999: "999", 1000: "0.977K", 1024: "1K", 1536: "1.5K",
		12345: "12.1K", 500 << 20: "500M", 1023 << 20: "0.999G", 3 << 40: "3T", 5000 << 40: "5000T"} {
		if got := showSize(in); got != want {
			t.Errorf("%d: got %s, want %s", in, got, want)
		}
	}
	if got := showLimit(0); got != "none" {
		t.Errorf("no limit is %q", got)
	}
}
