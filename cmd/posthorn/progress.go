package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// bar shows on a terminal how far a long work is; elsewhere it shows nothing.
type bar struct {
	w     io.Writer // nil: nobody watches
	total int
	began time.Time
	shown time.Time
}

const (
	barWidth = 30
	barAfter = 500 * time.Millisecond // what is done sooner needs no bar
	barEvery = 100 * time.Millisecond
)

func (c *cli) newBar(total int) *bar {
	b := &bar{total: total, began: time.Now()}
	if isTerminal(c.err) && total > 0 {
		b.w = c.err
	}
	return b
}

func (b *bar) show(done int) {
	now := time.Now()
	if b.w == nil || now.Sub(b.began) < barAfter || now.Sub(b.shown) < barEvery {
		return
	}
	b.shown = now
	full := min(barWidth, barWidth*done/b.total)
	fmt.Fprintf(b.w, "\r[%s%s] %d of %d ", strings.Repeat("#", full), strings.Repeat(" ", barWidth-full), done, b.total)
}

// end takes the bar away.
func (b *bar) end() {
	if b.w != nil && !b.shown.IsZero() {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}
