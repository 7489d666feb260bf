package wire

import (
	"reflect"
	"testing"
)

func TestResolve(t *testing.T) {
	for _, test := range []struct {
		set  []Range
		max  uint32
		want []Range
	}{
		{[]Range{{1, 0}}, 9, []Range{{1, 9}}},
		{[]Range{{0, 0}}, 9, []Range{{9, 9}}},
		{[]Range{{20, 0}}, 9, []Range{{9, 20}}}, // n:* holds the last, RFC 9051 §9
		{[]Range{{5, 3}, {4, 7}, {9, 9}, {8, 8}}, 20, []Range{{3, 9}}},
		{[]Range{{7, 7}, {1, 2}, {1, 1}}, 20, []Range{{1, 2}, {7, 7}}},
		{[]Range{{1, 4294967295}, {4294967295, 4294967295}}, 3, []Range{{1, 4294967295}}},
	} {
		if got := (Set{Ranges: test.set}).Resolve(test.max); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%v with max %d: %v, want %v", test.set, test.max, got, test.want)
		}
	}
}

func TestCompact(t *testing.T) {
	for want, numbers := range map[string][]uint32{
		"":        nil,
		"5":       {5},
		"1:3,7,6": {1, 2, 3, 7, 6},
		"3,2,1":   {3, 2, 1}, // order is kept: COPYUID pairs two sets
	} {
		if got := FormatRanges(Compact(numbers)); got != want {
			t.Errorf("%v: %q, want %q", numbers, got, want)
		}
	}
	if got := FormatRanges([]Range{{3, 0}}); got != "3:*" {
		t.Errorf("%q", got)
	}
}
