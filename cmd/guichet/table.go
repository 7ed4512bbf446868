package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf16"

	"guichet/schemas"
)

// print writes one JSON document.
func (t *terminal) print(v any) error {
	return t.encode(t.out, "  ", v)
}

// encode writes JSON in which what shows nothing, or moves others, is escaped: it may be
// read on a terminal too.
func (t *terminal) encode(w io.Writer, indent string, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", indent)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	if err != nil {
		return err
	}
	var out strings.Builder
	for _, r := range b.String() {
		switch {
		case r < 0x7f || !strings.Contains(schemas.Visible(string(r)), `\u{`):
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	_, err = io.WriteString(w, out.String())
	return err
}

// list writes a list as JSON, or as a table: one row per item.
func list[T any](t *terminal, items []T, head string, row func(T) []string) error {
	return listOr(t, items, "nothing yet", head, row)
}

// listOr is list with the words for an empty one: after a filter, that nothing
// matches does not mean that there is nothing.
func listOr[T any](t *terminal, items []T, none, head string, row func(T) []string) error {
	if t.json {
		if items == nil {
			items = []T{}
		}
		return t.print(map[string]any{"items": items})
	}
	if len(items) == 0 {
		fmt.Fprintln(t.out, none)
		return nil
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, head)
	for _, it := range items {
		fmt.Fprintln(w, strings.Join(row(it), "\t"))
	}
	return w.Flush()
}

// size writes bytes for people.
func size(n int64) string {
	const unit = 1000
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	f, names := float64(n), "kMGTPE"
	i := -1
	for f >= unit && i < len(names)-1 {
		f /= unit
		i++
	}
	return fmt.Sprintf("%.1f %cB", f, names[i])
}

// count writes a number with thin groups.
func count(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && (i > 1 || s[0] != '-'); i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// plural writes a count with its noun.
func plural[N int | int64 | uint64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(int64(n)) + " " + many
}

func when(ts time.Time) string {
	if ts.IsZero() {
		return "–"
	}
	return ts.Local().Format("2006-01-02 15:04:05 MST")
}

// title picks a title to show: English, else English of a country, else what was
// translated into English, marked as such, else the first by tag.
func title(x schemas.Text) string {
	tag := x.For("en")
	if schemas.Translated(tag) && x[tag] != "" {
		return x[tag] + " (machine translation)"
	}
	return x[tag]
}

// words writes a decision for people, the same sentence everywhere.
func words(d *schemas.Decision) string {
	var b strings.Builder
	switch d.Verdict {
	case schemas.VerdictYes:
		b.WriteString("Yes")
	case schemas.VerdictReview:
		fmt.Fprintf(&b, "Not yet: %s reviews requests", d.Reviewer)
	default:
		b.WriteString("No")
	}
	if !d.Until.IsZero() {
		fmt.Fprintf(&b, ", until %s", schemas.Ending(d.Until))
	}
	b.WriteString(".\n")
	for _, o := range d.Obligations {
		fmt.Fprintf(&b, "  demands: %s (%s)\n", duty(&o), o.Source)
	}
	if d.Left != nil && d.Verdict != schemas.VerdictNo {
		fmt.Fprintf(&b, "  left for the project: %s\n", leftover(d.Left))
	}
	for _, r := range d.Reasons {
		fmt.Fprintf(&b, "  because %s (%s, %s)\n", r.Text, r.Rule, r.Source)
		if r.Remedy != "" && d.Verdict == schemas.VerdictNo {
			fmt.Fprintf(&b, "  → %s\n", r.Remedy)
		}
	}
	for _, n := range d.Notes {
		fmt.Fprintf(&b, "  note: %s\n", n)
	}
	return b.String()
}

// leftover is what budgets still give.
func leftover(l *schemas.Left) string {
	var parts []string
	if l.Rows != nil {
		parts = append(parts, plural(*l.Rows, "row", "rows"))
	}
	if l.Bytes != nil {
		parts = append(parts, size(*l.Bytes))
	}
	return strings.Join(parts, ", ")
}

func duty(o *schemas.Duty) string {
	cols := strings.Join(o.Columns, ", ")
	switch o.Kind {
	case schemas.DutyHide:
		return "hidden: " + cols
	case schemas.DutyPseudonymise:
		if o.Domain != "" {
			return "pseudonymised: " + cols + ", in the joint domain " + o.Domain + " of " + strings.Join(o.With, ", ")
		}
		return "pseudonymised: " + cols
	case schemas.DutyGeneralise:
		return "made coarser: " + cols + " to " + o.To
	case schemas.DutyFilter:
		return "only some rows are shown"
	case schemas.DutyBudget:
		if o.Rows > 0 {
			return "budget: " + count(o.Rows) + " rows"
		}
		return "budget: " + size(o.Bytes)
	case schemas.DutyFactory:
		if len(o.Values) > 0 {
			return "only at " + strings.Join(o.Values, ", ")
		}
		return "only from the factory's own network"
	case schemas.DutyAttribute:
		return "give credit: " + o.Text
	}
	return o.Kind
}
