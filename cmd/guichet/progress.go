package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"guichet/schemas"
)

// progress draws a bar with rate and time left on a terminal; in a pipe it is quiet.
type progress struct {
	t      *terminal
	what   string
	began  time.Time
	shown  time.Time
	active bool
}

func newProgress(t *terminal, what string) *progress {
	f, ok := t.err.(*os.File)
	return &progress{t: t, what: what, began: time.Now(), active: ok && term.IsTerminal(int(f.Fd())) && !t.json}
}

func (p *progress) set(done, all int64) {
	if !p.active || all <= 0 || time.Since(p.shown) < 100*time.Millisecond && done < all {
		return
	}
	p.shown = time.Now()
	const width = 30
	full := int(min(done, all) * width / all)
	rate := float64(done) / max(time.Since(p.began).Seconds(), 0.001)
	left := "?"
	if rate > 0 {
		left = time.Duration(float64(all-done) / rate * float64(time.Second)).Round(time.Second).String()
	}
	fmt.Fprintf(p.t.err, "\r%s [%s%s] %s/%s, %s/s, %s left  ", p.what, strings.Repeat("█", full), strings.Repeat("·", width-full), count(done), count(all), count(int64(rate)), left)
}

// waiting says what is waited for: on a terminal as it changes, else once.
func (p *progress) waiting(err error) {
	why := err.Error()
	if e, ok := errors.AsType[*schemas.Error](err); ok {
		why = e.Message
	}
	switch {
	case p.active:
		fmt.Fprintf(p.t.err, "\r\033[K%s, %s: %s", p.what, time.Since(p.began).Round(time.Second), why)
	case p.shown.IsZero() && !p.t.json:
		fmt.Fprintf(p.t.err, "%s: %s\n", p.what, why)
	}
	p.shown = time.Now()
}

func (p *progress) done() {
	if p.active && !p.shown.IsZero() {
		fmt.Fprintln(p.t.err)
	}
}
