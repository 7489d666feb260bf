package words

import (
	"fmt"
	"math"
)

// Size is a number of octets as people read it: "640 kB", "2.5 MB", "25 MB".
func Size(octets int64) string {
	const kilo, mega, giga = 1 << 10, 1 << 20, 1 << 30
	switch {
	case octets < mega:
		return fmt.Sprintf("%d kB", max(1, octets/kilo))
	case octets >= giga:
		return inTenths(float64(octets)/giga) + " GB"
	}
	return inTenths(float64(octets)/mega) + " MB"
}

func inTenths(n float64) string {
	if n >= 10 || n-math.Floor(n) < 0.05 {
		return fmt.Sprintf("%.0f", math.Floor(n))
	}
	return fmt.Sprintf("%.1f", n)
}
