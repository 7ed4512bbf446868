package terminal

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"guichet/schemas"
)

// Progress draws a bar with rate and time left on a terminal; in a pipe it is quiet.
type Progress struct {
	t      *Terminal
	what   string
	began  time.Time
	shown  time.Time
	active bool
}

// NewProgress makes a bar for what is done; it is drawn on a terminal alone.
func NewProgress(t *Terminal, what string) *Progress {
	f, ok := t.Err.(*os.File)
	return &Progress{t: t, what: what, began: time.Now(), active: ok && term.IsTerminal(int(f.Fd())) && !t.JSON}
}

// Set draws the bar, ten times a second at most.
func (p *Progress) Set(done, all int64) {
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
	fmt.Fprintf(p.t.Err, "\r%s [%s%s] %s/%s, %s/s, %s left  ", p.what, strings.Repeat("█", full),
		strings.Repeat("·", width-full), Count(done), Count(all), Count(int64(rate)), left)
}

// Waiting says what is waited for: on a terminal as it changes, else once.
func (p *Progress) Waiting(err error) {
	why := err.Error()
	if e, ok := errors.AsType[*schemas.Error](err); ok {
		why = e.Message
	}
	switch {
	case p.active:
		fmt.Fprintf(p.t.Err, "\r\033[K%s, %s: %s", p.what, time.Since(p.began).Round(time.Second), why)
	case p.shown.IsZero() && !p.t.JSON:
		fmt.Fprintf(p.t.Err, "%s: %s\n", p.what, why)
	}
	p.shown = time.Now()
}

// Done ends the line of the bar.
func (p *Progress) Done() {
	if p.active && !p.shown.IsZero() {
		fmt.Fprintln(p.t.Err)
	}
}
