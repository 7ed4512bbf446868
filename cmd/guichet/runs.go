package main

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/schemas"
)

// runCmd keeps jobs: what went into them, and what came out.
type runCmd struct {
	Start  runStartCmd  `cmd:"" help:"Name a job of a project."`
	Output runOutputCmd `cmd:"" help:"Tie to a run what came out."`
	End    runEndCmd    `cmd:"" help:"Say that a run is over: nothing is read in its name any more."`
	List   runListCmd   `cmd:"" help:"List the runs of my projects."`
	Show   runShowCmd   `cmd:"" help:"Show one: what went into it, and what came out."`
}

// runStartCmd names a job before it streams.
type runStartCmd struct {
	Project  string `required:"" help:"Project." placeholder:"ID"`
	External string `help:"The scheduler's id of the job." env:"SLURM_JOB_ID" placeholder:"ID"`
}

// Run starts a run.
func (v runStartCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	var r schemas.Run
	err = c.Post(ctx, "/runs", map[string]string{"project": v.Project, "external_id": v.External}, &r)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(r)
	}
	fmt.Fprintln(t.Out, r.ID)
	return nil
}

// runOutputCmd ties a model, a dataset or figures to a job by their digest.
type runOutputCmd struct {
	RunID  string `arg:"" name:"run" help:"Id of the run."`
	Kind   string `help:"model, dataset or metrics." default:"model" enum:"model,dataset,metrics"`
	Name   string `required:"" help:"Name."`
	Digest string `required:"" help:"sha256:… of it."`
}

// Run ties an output to a run.
func (v runOutputCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	var r schemas.Run
	err = c.Post(ctx, "/runs/"+v.RunID+"/outputs", map[string]string{"kind": v.Kind, "name": v.Name, "digest": v.Digest}, &r)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(r)
	}
	fmt.Fprintf(t.Out, "run %s has %s\n", r.ID, terminal.Plural(len(r.Outputs), "output", "outputs"))
	return nil
}

// runEndCmd closes a job.
type runEndCmd struct {
	RunID string `arg:"" name:"run" help:"Id of the run."`
}

// Run ends a run.
func (v runEndCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	var r schemas.Run
	err = c.Post(ctx, "/runs/"+url.PathEscape(v.RunID)+"/end", nil, &r)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(r)
	}
	fmt.Fprintf(t.Out, "run %s is ended: nothing is read in its name any more\n", r.ID)
	return nil
}

// runListCmd lists the jobs of one's projects, the oldest first.
type runListCmd struct {
	Project string `help:"Only of this project." placeholder:"ID"`
}

// Run lists runs.
func (v runListCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	r, err := client.All[schemas.Run](ctx, c, "/runs"+client.Query("project", v.Project))
	if err != nil {
		return err
	}
	slices.SortFunc(r, func(a, b schemas.Run) int { return a.Started.Compare(b.Started) })
	none := "nothing yet"
	if v.Project != "" {
		none = "no run matches"
	}
	return terminal.ListOr(t, r, none, "ID\tPROJECT\tFACTORY\tJOB\tSTARTED\tENDED\tOUTPUTS", func(r schemas.Run) []string {
		return []string{
			string(r.ID), string(r.Project), string(r.Factory), r.ExternalID, terminal.When(r.Started), endOf(r),
			terminal.Count(int64(len(r.Outputs))),
		}
	})
}

// endOf is when a run was said to be over; nothing while it goes on.
func endOf(r schemas.Run) string {
	if r.Ended.IsZero() {
		return ""
	}
	return terminal.When(r.Ended)
}

// runShowCmd shows what an auditor asks of a job.
type runShowCmd struct {
	RunID string `arg:"" name:"run" help:"Id of the run."`
}

// Run shows a run.
func (v runShowCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	var r schemas.Run
	err = c.Get(ctx, "/runs/"+url.PathEscape(v.RunID), &r)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(r)
	}
	fmt.Fprintf(t.Out, "run %s of project %s at %s, started %s\n", r.ID, r.Project, r.Factory, terminal.When(r.Started))
	if !r.Ended.IsZero() {
		fmt.Fprintf(t.Out, "ended %s: nothing is read in its name any more\n", endOf(r))
	}
	if r.ExternalID != "" {
		fmt.Fprintf(t.Out, "the scheduler's job %s\n", r.ExternalID)
	}
	if len(r.Inputs) == 0 && r.OtherStreams == 0 {
		fmt.Fprintln(t.Out, "nothing was streamed for it: streams count under a run that is named by --run, or by the lease")
	}
	for _, in := range r.Inputs {
		most := map[bool]string{true: "at most "}[in.AtMost]
		fmt.Fprintf(t.Out, "  in: %s version %s, %s/%s: %s%s, %s in %s, agreement %s\n", in.Dataset, in.Version, in.Table,
			in.Split, most, terminal.Plural(in.Rows, "row", "rows"), terminal.Size(in.Bytes),
			terminal.Plural(in.Streams, "stream", "streams"), in.Agreement)
	}
	if r.OtherStreams > 0 {
		fmt.Fprintf(t.Out, "  in: %s of other partners, under agreements of theirs\n", terminal.Plural(r.OtherStreams, "stream", "streams"))
	}
	for _, o := range r.Outputs {
		fmt.Fprintf(t.Out, "  out: %s %s %s, %s\n", o.Kind, o.Name, o.Digest, terminal.When(o.At))
	}
	return nil
}
