package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"guichet/cmd/guichet/args"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/schemas"
)

// requestCmd asks for datasets; a no is an answer, with status 1.
type requestCmd struct {
	Datasets []string     `arg:"" help:"Ids of datasets."`
	Project  string       `required:"" help:"For this project." placeholder:"ID"`
	Purpose  string       `help:"For this purpose; the project's when it has one only." placeholder:"ID"`
	Factory  string       `help:"At this factory; the project's when left out." placeholder:"ID"`
	Action   string       `help:"use, read or train; what the purpose does with data when left out." placeholder:"ACTION"`
	Columns  []string     `help:"Only these columns." placeholder:"COLUMN"`
	Until    args.LastDay `help:"Until this instant, or to the end of this day (UTC); the project's end, at most a year, when left out." placeholder:"TIME"`
	Message  string       `help:"A word to who reviews it." placeholder:"TEXT"`
	Contact  string       `help:"Whom to ask back: an address of mail or a URL." placeholder:"ADDRESS"`
}

// Run asks. A refusal is an answer, but ends with status 1.
func (v requestCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	body := map[string]any{
		"project": v.Project,
		"purpose": v.Purpose,
		"factory": v.Factory,
		"action":  v.Action,
		"message": v.Message,
		"contact": v.Contact,
	}
	if v.Until.Query() != "" {
		body["until"] = v.Until.Query()
	}
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
	if t.JSON {
		err = t.Print(r)
	} else {
		printRequest(t, &r)
	}
	if err == nil && r.State == schemas.RequestRefused {
		return &schemas.Error{Kind: schemas.Denied, Subject: string(r.ID), Message: "the request was refused"}
	}
	return err
}

// printRequest shows a request with its items, and why each of them is as it is.
func printRequest(t *terminal.Terminal, r *schemas.Request) {
	fmt.Fprintf(t.Out, "request %s by %s to %s for %s: %s\n", r.ID, r.By, r.Action, r.Purpose, r.State)
	printAsker(t, r)
	for _, it := range r.Items {
		fmt.Fprintf(t.Out, "%s: %s", it.Dataset, it.State)
		if it.Agreement != "" {
			fmt.Fprintf(t.Out, ", agreement %s", it.Agreement)
		}
		fmt.Fprintln(t.Out)
		for _, j := range it.Joins {
			fmt.Fprintf(t.Out, "  pseudonyms of %s join with %d other items, in the joint domain %s\n",
				strings.Join(j.Columns, ", "), len(j.Items)+j.Others, j.Domain)
		}
		if it.Review != nil {
			fmt.Fprintf(t.Out, "  %s by %s: %s\n", it.Review.Decision, it.Review.By, it.Review.Reason)
		} else if it.State == schemas.RequestWithdrawn {
			fmt.Fprintln(t.Out, "  taken back by who asked, before it was decided")
		} else if it.Decision != nil {
			fmt.Fprint(t.Out, "  "+terminal.Decided(it.Decision))
		}
	}
}

// printAsker tells a holder who asks, what for and where.
func printAsker(t *terminal.Terminal, r *schemas.Request) {
	if a := r.About; a != nil {
		fmt.Fprintf(t.Out, "asked by %s\n", organisation(a.Asker))
		fmt.Fprintf(t.Out, "project %s: %s\n", r.Project, a.Title)
		if a.Description != "" {
			fmt.Fprintf(t.Out, "  %s\n", a.Description)
		}
		for i, p := range a.Partners {
			fmt.Fprintf(t.Out, "  %s %s\n", map[bool]string{true: "led by", false: "with"}[i == 0], organisation(p))
		}
		if f := a.Funding; f != nil {
			fmt.Fprintf(t.Out, "  funded by %s\n",
				strings.Join(slices.DeleteFunc([]string{f.Programme, f.Call, f.Grant}, func(s string) bool { return s == "" }), ", "))
		}
		if p := a.Place; p != nil {
			place := map[bool]string{true: "streams open only from its networks", false: "by the asker's word"}[p.Proven]
			if p.Secure {
				place += ", a secure processing environment"
			}
			fmt.Fprintf(t.Out, "at %s (%s, %s; %s)\n", p.ID, p.Name, p.Country, place)
		}
	}
	if !r.Until.IsZero() {
		fmt.Fprintf(t.Out, "until %s\n", terminal.When(r.Until))
	}
	if r.Message != "" {
		fmt.Fprintf(t.Out, "says: %s\n", r.Message)
	}
	if r.Contact != "" {
		fmt.Fprintf(t.Out, "to ask back: %s\n", r.Contact)
	}
	for _, question := range slices.Sorted(maps.Keys(r.Answers)) {
		fmt.Fprintf(t.Out, "  %s: %s\n", question, r.Answers[question])
	}
}

// organisation tells one in a line.
func organisation(o schemas.Organisation) string {
	if o.Name == "" {
		return string(o.ID)
	}
	return fmt.Sprintf("%s (%s, %s), %s", o.Name, o.Kind, o.Country, o.ID)
}

// requestsCmd lists requests, one's own or those that wait for one's review.
type requestsCmd struct {
	ID    string `arg:"" optional:"" help:"Only this request, with its reasons."`
	State string `help:"pending, granted, refused or withdrawn." placeholder:"STATE"`
}

// Run lists requests.
func (v requestsCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	if v.ID != "" {
		var r schemas.Request
		err := c.Get(ctx, "/requests/"+url.PathEscape(v.ID), &r)
		if err != nil {
			return err
		}
		if t.JSON {
			return t.Print(r)
		}
		printRequest(t, &r)
		return nil
	}
	r, err := client.All[schemas.Request](ctx, c, "/requests"+client.Query("state", v.State))
	if err != nil {
		return err
	}
	slices.SortFunc(r, func(a, b schemas.Request) int { return a.Submitted.Compare(b.Submitted) })
	none := "nothing yet"
	if v.State != "" {
		none = "no request matches"
	}
	return terminal.ListOr(t, r, none, "ID\tSTATE\tBY\tPROJECT\tPURPOSE\tDATASETS\tSUBMITTED", func(r schemas.Request) []string {
		var ids []string
		for _, it := range r.Items {
			ids = append(ids, string(it.Dataset))
		}
		return []string{
			string(r.ID), string(r.State), string(r.By), string(r.Project), r.Purpose, strings.Join(ids, ","),
			terminal.When(r.Submitted),
		}
	})
}

// reviewCmd answers the part of a request that waits for the caller.
type reviewCmd struct {
	Request  string   `arg:"" help:"Id of the request."`
	Decision string   `arg:"" help:"grant or refuse." enum:"grant,refuse"`
	Reason   args.Why `required:"" help:"Why."`
}

// Run reviews.
func (v reviewCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	var r schemas.Request
	err = c.Post(ctx, "/requests/"+v.Request+"/review", map[string]string{"decision": v.Decision, "reason": string(v.Reason)}, &r)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(r)
	}
	printRequest(t, &r)
	return nil
}

// agreementsCmd lists agreements, of either side.
type agreementsCmd struct {
	ID      string `arg:"" optional:"" help:"Only this agreement, with what it demands."`
	Dataset string `help:"Only on this dataset." placeholder:"ID"`
	Of      string `name:"participant" help:"Only those of this organisation." placeholder:"ID"`
}

// Run lists agreements.
func (v agreementsCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	if v.ID != "" {
		var a schemas.Agreement
		err := c.Get(ctx, "/agreements/"+url.PathEscape(v.ID), &a)
		if err != nil {
			return err
		}
		if t.JSON {
			return t.Print(a)
		}
		printAgreement(t, &a)
		return nil
	}
	a, err := client.All[schemas.Agreement](ctx, c, "/agreements"+client.Query("dataset", v.Dataset, "participant", v.Of))
	if err != nil {
		return err
	}
	slices.SortFunc(a, func(a, b schemas.Agreement) int { return a.From.Compare(b.From) })
	none := "nothing yet"
	if v.Dataset+v.Of != "" {
		none = "no agreement matches"
	}
	return terminal.ListOr(
		t, a, none, "ID\tSTATE\tDATASET\tPARTICIPANT\tPROJECT\tPURPOSE\tACTION\tUNTIL\tROWS USED",
		func(a schemas.Agreement) []string {
			return []string{
				string(a.ID), string(a.State), string(a.Dataset), string(a.Participant), string(a.Project), a.Purpose,
				cmp.Or(a.Action, "use"), terminal.When(a.Until), terminal.Count(a.RowsUsed),
			}
		},
	)
}

// printAgreement tells an agreement: who may do what until when, and what it demands.
func printAgreement(t *terminal.Terminal, a *schemas.Agreement) {
	fmt.Fprintf(t.Out, "agreement %s: %s\n", a.ID, a.State)
	if a.State == schemas.AgreementRevoked {
		fmt.Fprintf(t.Out, "revoked %s: %s\n", terminal.When(a.Revoked), a.Reason)
	}
	versions := make([]string, len(a.Versions))
	for i, v := range a.Versions {
		versions[i] = string(v)
	}
	later := ""
	if a.Follow {
		later = ", and later ones"
	}
	fmt.Fprintf(t.Out, "dataset %s of %s, versions %s%s\n", a.Dataset, a.Provider, strings.Join(versions, ", "), later)
	fmt.Fprintf(t.Out, "for %s in project %s: %s at %s\n", a.Participant, a.Project, a.Purpose, a.Factory)
	fmt.Fprintf(t.Out, "from %s until %s, granted by request %s\n", terminal.When(a.From), terminal.When(a.Until), a.Permit)
	fmt.Fprintf(t.Out, "used: %s, %s\n", terminal.Plural(a.RowsUsed, "row", "rows"), terminal.Size(a.BytesUsed))
	if a.Left != nil {
		fmt.Fprintf(t.Out, "left of its budgets: %s\n", terminal.Left(a.Left))
	}
	if len(a.Columns) > 0 {
		fmt.Fprintf(t.Out, "only the columns %s\n", strings.Join(a.Columns, ", "))
	}
	if a.Stage {
		fmt.Fprintln(t.Out, "may be staged: kept where jobs run, as an encrypted copy (guichet stage)")
	}
	fmt.Fprint(t.Out, terminal.ByURL(a.Direct, a.NotDirect))
	for _, o := range a.Obligations {
		fmt.Fprintf(t.Out, "  demands: %s (%s)\n", terminal.Duty(&o), o.Source)
	}
}

// revokeCmd ends an agreement, a lease or a job key at once; running streams are cut.
type revokeCmd struct {
	ID     string   `arg:"" help:"Id of the agreement, of a lease, of a job key or of a staged copy."`
	Reason args.Why `required:"" help:"Why."`
}

// Run revokes.
func (v revokeCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	t.Brakes = true
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	why := map[string]string{"reason": string(v.Reason)}
	if schemas.LeaseID(v.ID).NameOf() != "lease" || strings.HasPrefix(v.ID, "lease-") {
		var l schemas.Lease
		err = c.Post(ctx, "/leases/"+v.ID+"/revoke", why, &l)
		if err != nil {
			return err
		}
		if t.JSON {
			return t.Print(l)
		}
		fmt.Fprintf(t.Out, "%s is revoked, with the leases made of it; their running streams are cut, the agreements stand\n", l.ID)
		return nil
	}
	var a schemas.Agreement
	err = c.Post(ctx, "/agreements/"+v.ID+"/revoke", why, &a)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(a)
	}
	fmt.Fprintf(t.Out, "agreement %s is revoked; its running streams are cut\n", a.ID)
	return nil
}

// stopArgs is the part of stop and unstop.
type stopArgs struct {
	Participant string   `arg:"" help:"Id of the participant."`
	Reason      args.Why `required:"" help:"Why."`
}

// post sends a stop or its end.
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
	fmt.Fprintf(t.Out, "%s; their running streams are cut\nnote: %s\n",
		terminal.Plural(len(out.Revoked), "agreement is revoked", "agreements are revoked"), out.Note)
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
