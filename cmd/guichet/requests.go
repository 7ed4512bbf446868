package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"guichet/connectors/guichet"
	"guichet/schemas"
)

type requestCmd struct {
	Datasets []string `arg:"" help:"Ids of datasets."`
	Project  string   `required:"" help:"For this project." placeholder:"ID"`
	Purpose  string   `help:"For this purpose; the project's when it has one only." placeholder:"ID"`
	Factory  string   `help:"At this factory; the project's when left out." placeholder:"ID"`
	Action   string   `help:"use, read or train; what the purpose does with data when left out." placeholder:"ACTION"`
	Columns  []string `help:"Only these columns." placeholder:"COLUMN"`
}

// Run asks. A refusal is an answer, but ends with status 1.
func (v requestCmd) Run(ctx context.Context, t *terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	body := map[string]any{"project": v.Project, "purpose": v.Purpose, "factory": v.Factory, "action": v.Action}
	var items []map[string]any
	for _, id := range v.Datasets {
		items = append(items, map[string]any{"dataset": id, "columns": v.Columns})
	}
	body["items"] = items
	var r schemas.Request
	err = c.Post(ctx, "/requests", body, &r)
	if err != nil {
		return err
	}
	if t.json {
		err = t.print(r)
	} else {
		t.request(&r)
	}
	if err == nil && r.State == schemas.RequestRefused {
		return &schemas.Error{Kind: schemas.Denied, Subject: string(r.ID), Message: "the request was refused"}
	}
	return err
}

func (t *terminal) request(r *schemas.Request) {
	fmt.Fprintf(t.out, "request %s by %s to %s for %s: %s\n", r.ID, r.By, r.Action, r.Purpose, r.State)
	for _, it := range r.Items {
		fmt.Fprintf(t.out, "%s: %s", it.Dataset, it.State)
		if it.Agreement != "" {
			fmt.Fprintf(t.out, ", agreement %s", it.Agreement)
		}
		fmt.Fprintln(t.out)
		if it.Review != nil {
			fmt.Fprintf(t.out, "  %s by %s: %s\n", it.Review.Decision, it.Review.By, it.Review.Reason)
		} else if it.Decision != nil {
			fmt.Fprint(t.out, "  "+words(it.Decision))
		}
	}
}

type requestsCmd struct {
	State string `help:"pending, granted or refused." placeholder:"STATE"`
}

// Run lists requests.
func (v requestsCmd) Run(ctx context.Context, t *terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	r, err := guichet.All[schemas.Request](ctx, c, "/requests"+query("state", v.State))
	if err != nil {
		return err
	}
	slices.SortFunc(r, func(a, b schemas.Request) int { return a.Submitted.Compare(b.Submitted) })
	return list(t, r, "ID\tSTATE\tBY\tPROJECT\tPURPOSE\tDATASETS\tSUBMITTED", func(r schemas.Request) []string {
		var ids []string
		for _, it := range r.Items {
			ids = append(ids, string(it.Dataset))
		}
		return []string{string(r.ID), string(r.State), string(r.By), string(r.Project), r.Purpose, strings.Join(ids, ","), when(r.Submitted)}
	})
}

type reviewCmd struct {
	Request  string `arg:"" help:"Id of the request."`
	Decision string `arg:"" help:"grant or refuse." enum:"grant,refuse"`
	Reason   string `required:"" help:"Why."`
}

// Run reviews.
func (v reviewCmd) Run(ctx context.Context, t *terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	var r schemas.Request
	err = c.Post(ctx, "/requests/"+v.Request+"/review", map[string]string{"decision": v.Decision, "reason": v.Reason}, &r)
	if err != nil {
		return err
	}
	if t.json {
		return t.print(r)
	}
	t.request(&r)
	return nil
}

type agreementsCmd struct {
	Dataset string `help:"Only on this dataset." placeholder:"ID"`
}

// Run lists agreements.
func (v agreementsCmd) Run(ctx context.Context, t *terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	a, err := guichet.All[schemas.Agreement](ctx, c, "/agreements"+query("dataset", v.Dataset))
	if err != nil {
		return err
	}
	slices.SortFunc(a, func(a, b schemas.Agreement) int { return a.From.Compare(b.From) })
	return list(t, a, "ID\tSTATE\tDATASET\tPARTICIPANT\tPROJECT\tPURPOSE\tACTION\tUNTIL\tROWS USED", func(a schemas.Agreement) []string {
		return []string{string(a.ID), string(a.State), string(a.Dataset), string(a.Participant), string(a.Project), a.Purpose, cmp.Or(a.Action, "use"), when(a.Until), count(a.RowsUsed)}
	})
}

type revokeCmd struct {
	Agreement string `arg:"" help:"Id of the agreement."`
	Reason    string `required:"" help:"Why."`
}

// Run revokes.
func (v revokeCmd) Run(ctx context.Context, t *terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	var a schemas.Agreement
	err = c.Post(ctx, "/agreements/"+v.Agreement+"/revoke", map[string]string{"reason": v.Reason}, &a)
	if err != nil {
		return err
	}
	if t.json {
		return t.print(a)
	}
	fmt.Fprintf(t.out, "agreement %s is revoked; its running streams are cut\n", a.ID)
	return nil
}

type runCmd struct {
	Start  runStartCmd  `cmd:"" help:"Name a job of a project."`
	Output runOutputCmd `cmd:"" help:"Tie to a run what came out."`
}

type runStartCmd struct {
	Project  string `required:"" help:"Project." placeholder:"ID"`
	External string `help:"The scheduler's id of the job." env:"SLURM_JOB_ID" placeholder:"ID"`
}

// Run starts a run.
func (v runStartCmd) Run(ctx context.Context, t *terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	var r schemas.Run
	err = c.Post(ctx, "/runs", map[string]string{"project": v.Project, "external_id": v.External}, &r)
	if err != nil {
		return err
	}
	if t.json {
		return t.print(r)
	}
	fmt.Fprintln(t.out, r.ID)
	return nil
}

type runOutputCmd struct {
	RunID  string `arg:"" name:"run" help:"Id of the run."`
	Kind   string `help:"model, dataset or metrics." default:"model" enum:"model,dataset,metrics"`
	Name   string `required:"" help:"Name."`
	Digest string `required:"" help:"sha256:… of it."`
}

// Run ties an output to a run.
func (v runOutputCmd) Run(ctx context.Context, t *terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	var r schemas.Run
	err = c.Post(ctx, "/runs/"+v.RunID+"/outputs", map[string]string{"kind": v.Kind, "name": v.Name, "digest": v.Digest}, &r)
	if err != nil {
		return err
	}
	if t.json {
		return t.print(r)
	}
	fmt.Fprintf(t.out, "run %s has %d outputs\n", r.ID, len(r.Outputs))
	return nil
}
