package demo

import (
	"context"
	"fmt"
	"strings"

	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/schemas"
)

// find registers a project and searches for it in words, so that the marks say what the
// project may do.
func (s *Story) find(ctx context.Context) error {
	c, err := s.As(ctx, "trainer")
	if err != nil {
		return err
	}
	err = Once(
		c.Post(
			ctx,
			"/projects",
			schemas.Project{
				ID:       "crop-yield-2027",
				Title:    "Crop yield 2027",
				Factory:  "leonardo",
				Purposes: []string{"train-model"},
				Domain:   "agriculture",
				Funding:  &schemas.Funding{Programme: "EuroHPC", Call: "AI factories", EUShare: 0.5, NationalShare: 0.5},
			},
			nil,
		),
	)
	if err != nil {
		return err
	}
	for _, words := range []string{"wheat yield", "Feldversuche", "kviešu", ""} {
		f, err := s.searched(ctx, c, client.Query("q", words, "project", "crop-yield-2027", "facets", "space", "limit", "100"))
		if err != nil {
			return err
		}
		if f.Total == 0 {
			return fmt.Errorf("%q finds nothing", words)
		}
		s.say("   search %q as project Crop yield 2027: %s", words, terminal.Plural(int64(f.Total), "dataset", "datasets"))
		for _, h := range f.Items[:min(3, len(f.Items))] {
			why := ""
			if len(h.Reasons) > 0 {
				why = h.Reasons[0].Text
			}
			s.say("     %-6s %-52s %s", terminal.Mark(h.Access), terminal.Title(h.Title), why)
		}
		if more := int64(f.Total) - 3; more > 0 {
			s.say("     and %s more", terminal.Count(more))
		}
	}
	return nil
}

// refused asks for what is not allowed: by purpose, and by place. Each no has to name
// its rule and what would help.
func (s *Story) refused(ctx context.Context) error {
	c, err := s.As(ctx, "trainer")
	if err != nil {
		return err
	}
	icu := s.datasets["icu-vital-signs"]
	var d schemas.Decision
	err = c.Post(ctx, "/decisions", schemas.Ask{Dataset: icu.ID, Purpose: "marketing", Factory: "lumi"}, &d)
	if err != nil {
		return err
	}
	if d.Verdict != schemas.VerdictNo {
		return fmt.Errorf("health data for marketing was answered %s", d.Verdict)
	}
	s.say("   dry run: may %s be used for marketing?", terminal.Title(icu.Title))
	s.say("%s", indent(terminal.Decided(&d)))
	err = Once(
		c.Post(ctx, "/projects",
			schemas.Project{ID: "ad-targeting", Title: "Ad targeting", Factory: "leonardo", Purposes: []string{"marketing"}},
			nil),
	)
	if err != nil {
		return err
	}
	var r schemas.Request
	err = c.Post(ctx, "/requests", Requested("ad-targeting", s.datasets["vineyard-phenology"].ID), &r)
	if err != nil {
		return err
	}
	if r.State != schemas.RequestRefused || len(r.Items[0].Decision.Reasons) == 0 {
		return fmt.Errorf("vineyards for marketing: the request is %s", r.State)
	}
	s.say("   request by project Ad targeting: %s", r.State)
	s.say("%s", indent(terminal.Decided(r.Items[0].Decision)))
	return nil
}

// granted asks for three datasets: one is open, one is decided by its holder, one is the
// largest, which is cut later on.
func (s *Story) granted(ctx context.Context) error {
	c, err := s.As(ctx, "trainer")
	if err != nil {
		return err
	}
	open, byHand := s.datasets["winter-wheat-trials"], s.datasets["dairy-herd-recording"]
	var r schemas.Request
	err = c.Post(ctx, "/requests", Requested("crop-yield-2027", open.ID, byHand.ID, s.largest().ID), &r)
	if err != nil {
		return err
	}
	if r.State != schemas.RequestPending || r.Items[0].State != schemas.RequestGranted {
		return fmt.Errorf("the request is %s, its first item %s", r.State, r.Items[0].State)
	}
	s.say("   request %s: %s is granted by rule, %s waits for its holder", r.ID, terminal.Title(open.Title), terminal.Title(byHand.Title))
	holder, err := s.As(ctx, owner(&byHand))
	if err != nil {
		return err
	}
	err = holder.Post(ctx, "/requests/"+string(r.ID)+"/review", map[string]string{"decision": "grant", "reason": "a use we like to see"}, nil)
	if err == nil {
		err = c.Get(ctx, "/requests/"+string(r.ID), &r) // the holder sees the own items only
	}
	if err != nil {
		return err
	}
	if r.State != schemas.RequestGranted || len(r.Items) != 3 {
		return fmt.Errorf("after the holder's yes the request is %s, with %d of 3 items", r.State, len(r.Items))
	}
	s.open, s.big = r.Items[0].Agreement, r.Items[2].Agreement
	s.say("   the holder says yes; one permit, agreements %s, %s and %s", r.Items[0].Agreement, r.Items[1].Agreement, r.Items[2].Agreement)
	return nil
}

// Requested is the body of a request for datasets.
func Requested(project string, ids ...schemas.DatasetID) map[string]any {
	var items []map[string]any
	for _, id := range ids {
		items = append(items, map[string]any{"dataset": id})
	}
	return map[string]any{"project": project, "items": items}
}

// indent moves what a decision says under the step that asked for it.
func indent(text string) string {
	return "     " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n     ")
}
