// Package harvests is the command line's words on catalogues of others.
//
// In: what an operator typed. Out: sources named, harvested, shown as they fare. Always: what is
// told are the gateway's own words. It must not know how a harvest is done.
package harvests

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"guichet/catalog/harvest"
	"guichet/cmd/guichet/args"
	"guichet/cmd/guichet/session"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/schemas"
)

// Cmd keeps catalogues of others that are harvested.
type Cmd struct {
	Add     addCmd     `cmd:"" help:"Name a catalogue that is harvested from now on."`
	List    listCmd    `cmd:"" help:"List them, and how each fares."`
	Health  healthCmd  `cmd:"" help:"Show how one fares, and why."`
	Run     runCmd     `cmd:"" help:"Harvest one now, and wait for it."`
	Refused refusedCmd `cmd:"" help:"List the records of one that were set aside, with why."`
	Pause   pauseCmd   `cmd:"" help:"Have one wait; what it has here stays."`
	Resume  resumeCmd  `cmd:"" help:"Have one that waits go on."`
	Remove  removeCmd  `cmd:"" help:"End one: its datasets are withdrawn."`
}

type addCmd struct {
	ID      string    `arg:"" help:"Name for it here."`
	URL     string    `arg:"" help:"Address of its first page, or whole path of a file or folder on the gateway's machine."`
	Title   string    `help:"What people call it."`
	Kind    string    `help:"How it speaks: dcat-ap, page by page or as a feed; ckan, a portal of CKAN; dsp, a connector of the Dataspace Protocol, by the address of the protocol; guichet, another one, by that of its site; files, a path of the gateway's machine, or one file on the web in any form. dcat-ap when left out, of a path files." placeholder:"KIND"`
	Space   string    `help:"Data space of datasets whose theme does not say it." placeholder:"SPACE"`
	Every   args.Span `help:"From one harvest to the next, in whole hours." default:"24h"`
	Look    args.Span `help:"From one look at what changed to the next, where it tells what did (a minute; of a Guichet two seconds)." placeholder:"TIME"`
	Replace int64     `help:"Change the stored one, if it is at this revision." placeholder:"REVISION"`
}

type (
	listCmd   struct{}
	healthCmd struct {
		ID string `arg:""`
	}
	runCmd struct {
		ID     string `arg:""`
		Agree  bool   `help:"Withdraw what is gone from it, however much that is, once all of it was read."`
		NoWait bool   `help:"Do not wait for its end."`
	}
	refusedCmd struct {
		ID string `arg:""`
	}
	pauseCmd struct {
		ID string `arg:""`
	}
	resumeCmd struct {
		ID string `arg:""`
	}
	removeCmd struct {
		ID string `arg:""`
	}
)

// Run names a source.
func (v addCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	hours := int64(time.Duration(v.Every) / time.Hour)
	if hours < 1 || time.Duration(hours)*time.Hour != time.Duration(v.Every) {
		return schemas.BadField("source", "--every", "%s is not a number of whole hours; write it like 24h or 7d",
			time.Duration(v.Every))
	}
	c, err := open(ctx)
	if err != nil {
		return err
	}
	var options []client.Option
	if v.Replace > 0 {
		options = append(options, client.IfMatch(v.Replace))
	}
	in := harvest.Catalogue{ID: schemas.SourceID(v.ID), URL: v.URL, Kind: v.Kind, Title: v.Title, Every: hours}
	in.Space, in.Look = schemas.SpaceID(v.Space), int64(time.Duration(v.Look)/time.Second)
	var out harvest.Catalogue
	err = c.Post(ctx, "/sources", in, &out, options...)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(out)
	}
	fmt.Fprintf(t.Out, "%s is harvested now, and every %d hours: guichet source health %s says how it fares\n", out.ID, hours, out.ID)
	return nil
}

// Run lists sources.
func (listCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	items, err := client.All[harvest.Catalogue](ctx, c, "/sources")
	if err != nil {
		return err
	}
	return terminal.ListOr(t, items, "no catalogue is harvested yet; guichet source add ID URL names one",
		"ID\tSTATE\tDATASETS\tSET ASIDE\tREAD WHOLE\tNEXT\tADDRESS", func(s harvest.Catalogue) []string {
			return []string{string(s.ID), state(&s), terminal.Count(s.Health.Datasets), terminal.Count(s.Health.Refused),
				terminal.When(s.Health.Whole), terminal.When(s.Health.Next), s.URL}
		})
}

func state(s *harvest.Catalogue) string {
	if s.Removed {
		return "being removed"
	}
	if s.Paused {
		return "paused"
	}
	if s.Health.State == harvest.Well && s.Health.Why != "" {
		return "mostly set aside"
	}
	return string(s.Health.State)
}

// Run has one wait.
func (v pauseCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	return wait(ctx, t, open, v.ID, true)
}

// Run has one go on.
func (v resumeCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	return wait(ctx, t, open, v.ID, false)
}

// wait has a source wait or go on: the same as it is stored, with that changed.
func wait(ctx context.Context, t *terminal.Terminal, open session.Opener, id string, paused bool) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	var s, out harvest.Catalogue
	err = c.Get(ctx, at(id, ""), &s)
	if err != nil {
		return err
	}
	s.Paused = paused
	err = c.Post(ctx, "/sources", s, &out, client.IfMatch(s.Revision))
	if err != nil {
		return err
	}
	return show(t, &out)
}

func at(id, rest string) string { return "/sources/" + url.PathEscape(id) + rest }

// Run shows one.
func (v healthCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	var s harvest.Catalogue
	err = c.Get(ctx, at(v.ID, ""), &s)
	if err != nil {
		return err
	}
	return show(t, &s)
}

// show tells how a source fares.
func show(t *terminal.Terminal, s *harvest.Catalogue) error {
	if t.JSON {
		return t.Print(s)
	}
	h := &s.Health
	row := func(name, format string, args ...any) {
		fmt.Fprintf(t.Out, "%-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("source", "%s %s", s.ID, s.Title)
	row("address", "%s (%s)", s.URL, s.Kind)
	row("state", "%s", state(s))
	if h.Why != "" {
		row("why", "%s", h.Why)
	}
	row("datasets", "%s, %s set aside", terminal.Count(h.Datasets), terminal.Plural(h.Refused, "record", "records"))
	n := &h.Counts
	row("harvest", "%s, %s: %s new, %s changed, %s withdrawn, %s set aside", terminal.Plural(n.Pages, "page", "pages"),
		terminal.Plural(n.Records, "record", "records"), terminal.Count(n.New), terminal.Count(n.Changed), terminal.Count(n.Withdrawn),
		terminal.Count(n.Refused))
	if !h.Begun.IsZero() {
		row("begun", "%s", terminal.When(h.Begun))
	}
	if !h.Whole.IsZero() {
		row("read whole", "%s", terminal.When(h.Whole))
	}
	if h.Failures > 0 {
		row("failures", "%d since the last that went well", h.Failures)
	}
	if h.Follow != "" {
		row("follows", "what it says has changed: %s", h.Follow)
	}
	row("next", "%s", terminal.When(h.Next))
	if h.Refused > 0 {
		fmt.Fprintf(t.Out, "guichet source refused %s says which records were set aside, and why\n", s.ID)
	}
	return nil
}

// Run harvests one and waits.
func (v runCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	var s harvest.Catalogue
	err = c.Get(ctx, at(v.ID, ""), &s)
	if err != nil {
		return err
	}
	before := s.Health
	err = c.Post(ctx, at(v.ID, "/harvest"), map[string]bool{"agree": v.Agree}, &s)
	if err != nil || v.NoWait {
		if err == nil {
			err = show(t, &s)
		}
		return err
	}
	p := terminal.NewProgress(t, "harvesting "+v.ID)
	for s.Health.State == harvest.Running || s.Health.Anew || s.Health.Ended.Equal(before.Ended) {
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			fmt.Fprintf(t.Err, "guichet: the harvest goes on without you; guichet source health %s says how it fares\n", v.ID)
			return ctx.Err()
		}
		s = harvest.Catalogue{} // what is said no more is gone
		err = c.Get(ctx, at(v.ID, ""), &s)
		if err != nil {
			return err
		}
		p.Set(s.Health.Counts.Records, s.Health.Counts.Total)
	}
	p.Done()
	err = show(t, &s)
	if err == nil && s.Health.State != harvest.Well {
		err = schemas.Errorf(schemas.Unavailable, v.ID, "the harvest did not end well: it is %s", s.Health.State)
	}
	return err
}

// Run lists what was set aside.
func (v refusedCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	items, err := client.All[harvest.Refusal](ctx, c, at(v.ID, "/refused"))
	if err != nil {
		return err
	}
	return terminal.ListOr(t, items, "no record of it is set aside", "RECORD\tSTANDS\tWHY", func(r harvest.Refusal) []string {
		stands := "not here"
		if r.Dataset != "" {
			stands = "as before: " + string(r.Dataset)
		}
		return []string{r.IRI, stands, strings.Join(strings.Fields(r.Why), " ")}
	})
}

// Run ends one.
func (v removeCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	err = c.Do(ctx, "DELETE", at(v.ID, ""), nil, nil)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(map[string]string{"removed": v.ID})
	}
	fmt.Fprintf(t.Out, "%s is removed: its datasets are being withdrawn\n", v.ID)
	return nil
}
