package main

import (
	"context"
	"fmt"
	"net/url"

	"guichet/cmd/guichet/terminal"
	"guichet/schemas"
)

// stopArgs is the part of stop and unstop.
type stopArgs struct {
	Participant string `arg:"" help:"Id of the participant."`
	Reason      why    `required:"" help:"Why."`
}

func (v stopArgs) post(ctx context.Context, g *grammar, verb string, out any) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	return c.Post(ctx, "/participants/"+url.PathEscape(v.Participant)+"/"+verb, map[string]string{"reason": string(v.Reason)}, out)
}

type (
	stopCmd   struct{ stopArgs }
	unstopCmd struct{ stopArgs }
)

// Run stops a participant.
func (v stopCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	t.Brakes = true
	var out schemas.Stopped
	err := v.post(ctx, g, "stop", &out)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(out)
	}
	if out.Barred {
		fmt.Fprintf(t.Out, "%s is stopped; ", v.Participant)
	}
	fmt.Fprintf(
		t.Out,
		"%s; their running streams are cut\nnote: %s\n",
		terminal.Plural(len(out.Revoked), "agreement is revoked", "agreements are revoked"),
		out.Note,
	)
	return nil
}

// Run lifts the stop of a participant.
func (v unstopCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	var out schemas.Participant
	err := v.post(ctx, g, "unstop", &out)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(out)
	}
	fmt.Fprintf(t.Out, "the stop of %s is lifted; what was revoked stays revoked\n", out.ID)
	return nil
}
