package terminal

import (
	"fmt"
	"strings"
	"time"

	"guichet/schemas"
)

// Size writes bytes for people.
func Size(n int64) string {
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

// Count writes a number with thin groups.
func Count(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && (i > 1 || s[0] != '-'); i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// Plural writes a count with its noun.
func Plural[N int | int64 | uint64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(int64(n)) + " " + many
}

// When is an instant in the reader's zone.
func When(ts time.Time) string {
	if ts.IsZero() {
		return "–"
	}
	return ts.Local().Format("2006-01-02 15:04:05 MST")
}

// Day is the day of an instant in the reader's zone; "" of none.
func Day(ts time.Time) string {
	if ts.IsZero() {
		return ""
	}
	return ts.Local().Format(time.DateOnly)
}

// Answered is how long an answer to a request takes; "" where that is not known.
func Answered(w *schemas.Wait) string {
	switch {
	case w == nil:
		return ""
	case w.Hours < 48:
		return Plural(w.Hours, "hour", "hours")
	}
	return Plural((w.Hours+12)/24, "day", "days")
}

// Facts prints what trainers judge a dataset by beside what it says.
func Facts(t *Terminal, f *schemas.Facts) {
	if f == nil {
		return
	}
	if !f.Updated.IsZero() {
		fmt.Fprintf(t.Out, "updated %s\n", Day(f.Updated))
	}
	if f.Runs > 0 {
		least := ""
		if f.Runs >= schemas.MostRuns {
			least = "at least "
		}
		fmt.Fprintf(t.Out, "read by %s%s\n", least, Plural(f.Runs, "training run", "training runs"))
	}
	if w := f.Wait; w != nil {
		fmt.Fprintf(t.Out, "an answer takes %s (median of the last %d of its %s)\n", Answered(w), w.Answers, w.Of)
	}
}

// Title picks a title to show: English, else English of a country, else what was
// translated into English, marked as such, else the first by tag.
func Title(x schemas.Text) string {
	tag := x.For("en")
	if schemas.Translated(tag) && x[tag] != "" {
		return x[tag] + " (machine translation)"
	}
	return x[tag]
}

// Decided writes a decision for people, the same sentence everywhere.
func Decided(d *schemas.Decision) string {
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
		fmt.Fprintf(&b, "  demands: %s (%s)\n", Duty(&o), o.Source)
	}
	if d.Left != nil && d.Verdict != schemas.VerdictNo {
		fmt.Fprintf(&b, "  left for the project: %s\n", Left(d.Left))
	}
	if d.Stage && d.Verdict != schemas.VerdictNo {
		b.WriteString("  may be staged: kept where jobs run, as an encrypted copy\n")
	}
	if d.Verdict != schemas.VerdictNo {
		b.WriteString(ByURL(d.Direct, d.NotDirect))
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

// ByURL says whether data may be read by URL, or why not; nothing where the terms do not speak of it.
func ByURL(direct bool, not *schemas.Reason) string {
	switch {
	case direct:
		return "  may be read by URL, straight from S3, where the site does that\n"
	case not != nil:
		return fmt.Sprintf("  not by URL: %s (%s, %s)\n", not.Text, not.Rule, not.Source)
	}
	return ""
}

// Left is what budgets still give.
func Left(l *schemas.Left) string {
	var parts []string
	if l.Rows != nil {
		parts = append(parts, Plural(*l.Rows, "row", "rows"))
	}
	if l.Bytes != nil {
		parts = append(parts, Size(*l.Bytes))
	}
	return strings.Join(parts, ", ")
}

// Duty is a duty in words.
func Duty(o *schemas.Duty) string {
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
			return "budget: " + Count(o.Rows) + " rows"
		}
		return "budget: " + Size(o.Bytes)
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

// InRoles says roles in words.
func InRoles(roles []schemas.Role) string {
	if len(roles) == 0 {
		return ", but in no role: ask the operator"
	}
	s := make([]string, len(roles))
	for i, r := range roles {
		s[i] = string(r)
	}
	return " as " + strings.Join(s, ", ")
}

// Mark is the mark of a hit with its sign, which tells it where colours do not.
func Mark(m schemas.Mark) string {
	return map[schemas.Mark]string{schemas.MarkNow: "● now", schemas.MarkAsk: "◐ ask", schemas.MarkNo: "⊖ no",
		schemas.MarkElsewhere: "↗ elsewhere"}[m]
}

// Profiles prints which metadata profiles a dataset's description meets, and what it lacks for the
// newest one of its data space. named says whose they are, where several datasets are told.
func Profiles(t *Terminal, d *schemas.Dataset, named bool) {
	p := d.Profiles
	if p == nil {
		return
	}
	of := "its description"
	if named {
		of = "the description of " + string(d.ID)
	}
	if len(p.Meets) > 0 {
		fmt.Fprintf(t.Out, "%s meets %s\n", of, strings.Join(p.Meets, ", "))
	}
	if p.Wanted != "" {
		fmt.Fprintf(t.Out, "%s does not meet %s, the newest profile of its data space:\n", of, p.Wanted)
		for _, m := range p.Missing {
			fmt.Fprintf(t.Out, "  - %s\n", m)
		}
	}
	if q := d.Quality; q != nil {
		fmt.Fprintf(t.Out, "%s has %d of %d points of the EU's metadata quality assessment (%s)", of, q.Points, q.Most, q.Rating)
		fmt.Fprintf(t.Out, "; %d more depend on whether addresses answer, which nobody tried. What would raise them most:\n", q.Unknown)
		for _, r := range q.Raise {
			fmt.Fprintf(t.Out, "  - %s\n", r)
		}
	}
}
