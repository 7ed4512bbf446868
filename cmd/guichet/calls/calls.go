// Package calls is the command line's words on calls under which projects run.
//
// In: what somebody typed. Out: calls and what is asked under them, as the gateway has them. Always: what a person
// wrote is shown with what hides in it. It must not know who may answer.
//
//	guichet call list|show|add|close            the calls
//	guichet call apply|withdraw                 a project asks
//	guichet call applications|admit|decline     whoever answers
package calls

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"guichet/cmd/guichet/args"
	"guichet/cmd/guichet/session"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/policy/call"
	"guichet/schemas"
)

// Cmd keeps calls.
type Cmd struct {
	List         listCmd         `cmd:"" default:"1" help:"List calls."`
	Show         showCmd         `cmd:"" help:"Show one."`
	Add          addCmd          `cmd:"" help:"As the operator: make one, or change one with --replace."`
	Apply        applyCmd        `cmd:"" help:"Ask to run a project under a call that is open."`
	Withdraw     withdrawCmd     `cmd:"" help:"Take back what a project asked, while it waits."`
	Applications applicationsCmd `cmd:"" help:"List what was asked under a call: all for who answers, else by my projects."`
	Admit        admitCmd        `cmd:"" help:"Have a project run under a call."`
	Decline      declineCmd      `cmd:"" help:"Decline a project; its partners read why."`
	Close        closeCmd        `cmd:"" help:"Close a call for good; its projects go on."`
}

type (
	listCmd struct {
		State string `help:"planned, open, over or closed; all when left out." placeholder:"STATE"`
	}
	showCmd struct {
		ID string `arg:"" help:"Id of a call."`
	}
	addCmd struct {
		ID          string    `arg:"" help:"Id for it."`
		Name        string    `help:"What people call it." required:"" placeholder:"TEXT"`
		Description string    `help:"What it is about." placeholder:"TEXT"`
		Owner       string    `help:"Participant whose call it is; your own when left out." placeholder:"ID"`
		Factory     []string  `help:"Where its projects run; anywhere when left out." placeholder:"FACTORY"`
		Space       []string  `help:"The data spaces that its projects ask in; any when left out." placeholder:"SPACE"`
		Opens       string    `help:"From when on one may ask: a day, or a moment; now when left out." placeholder:"DAY"`
		Closes      string    `help:"Until when: the end of a day, or a moment." required:"" placeholder:"DAY"`
		Lasts       args.Span `help:"How long a project lasts at most, in whole days, like 365d." placeholder:"TIME"`
		Projects    int       `help:"How many projects it takes." placeholder:"NUMBER"`
		Rows        int64     `help:"How many rows all of its projects are given together." placeholder:"NUMBER"`
		Bytes       int64     `help:"How many bytes." placeholder:"NUMBER"`
		Replace     int64     `help:"Change the stored one, if it is at this revision." placeholder:"REVISION"`
	}
	applyCmd struct {
		ID      string `arg:"" help:"Id of a call."`
		Project string `arg:"" help:"Id of the project."`
		Word    string `help:"A word to who answers." placeholder:"TEXT"`
	}
	withdrawCmd struct {
		ID      string `arg:"" help:"Id of a call."`
		Project string `arg:"" help:"Id of the project."`
	}
	applicationsCmd struct {
		ID string `arg:"" help:"Id of a call."`
	}
	admitCmd struct {
		ID      string `arg:"" help:"Id of a call."`
		Project string `arg:"" help:"Id of the project."`
		Reason  string `help:"A word to its partners." placeholder:"TEXT"`
	}
	declineCmd struct {
		ID      string `arg:"" help:"Id of a call."`
		Project string `arg:"" help:"Id of the project."`
		Reason  string `help:"Why." required:"" placeholder:"TEXT"`
	}
	closeCmd struct {
		ID     string `arg:"" help:"Id of a call."`
		Reason string `help:"Why." required:"" placeholder:"TEXT"`
	}
)

// at is where a call is, and what lies below it.
func at(id string, rest ...string) string {
	path := "/calls/" + url.PathEscape(id)
	for _, part := range rest {
		path += "/" + url.PathEscape(part)
	}
	return path
}

// Run lists calls.
func (v listCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	path, none := "/calls", "there is no call; guichet call add makes one"
	if v.State != "" {
		path, none = path+"?"+url.Values{"state": {v.State}}.Encode(), "no call is "+v.State
	}
	items, err := client.All[call.Call](ctx, c, path)
	if err != nil {
		return err
	}
	return terminal.ListOr(t, items, none, "ID\tNAME\tSTATE\tOPENS\tCLOSES\tPROJECTS\tOWNER", func(c call.Call) []string {
		return []string{c.ID, schemas.Visible(c.Name), string(c.State), terminal.When(c.Opens), terminal.When(c.Closes),
			of(int64(c.Admitted), int64(c.Projects)), string(c.Owner)}
	})
}

// of says how much of a bound is used; a bound of 0 is none.
func of(n, most int64) string {
	if most == 0 {
		return terminal.Count(n)
	}
	return terminal.Count(n) + " of " + terminal.Count(most)
}

// Run shows one.
func (v showCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	var out call.Call
	err = c.Get(ctx, at(v.ID), &out)
	if err != nil {
		return err
	}
	return show(t, &out)
}

// show tells what a call is and how it stands.
func show(t *terminal.Terminal, c *call.Call) error {
	if t.JSON {
		return t.Print(c)
	}
	row := func(name, format string, args ...any) {
		fmt.Fprintf(t.Out, "%-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("call", "%s, revision %d: %s", c.ID, c.Revision, schemas.Visible(c.Name))
	if c.Description != "" {
		row("about", "%s", schemas.Visible(c.Description))
	}
	row("of", "%s", c.Owner)
	row("state", "%s, open %s to %s", c.State, terminal.When(c.Opens), terminal.When(c.Closes))
	if c.ClosedFor != "" {
		row("closed", "%s: %s", terminal.When(c.ClosedAt), schemas.Visible(c.ClosedFor))
	}
	if len(c.Factories) > 0 {
		row("at", "%s", names(c.Factories))
	}
	if len(c.Spaces) > 0 {
		row("for", "%s", names(c.Spaces))
	}
	if c.MaxDays > 0 {
		row("lasts", "%s at most", terminal.Plural(c.MaxDays, "day", "days"))
	}
	row("projects", "%s", of(int64(c.Admitted), int64(c.Projects)))
	if c.Waiting > 0 {
		row("waiting", "%s", terminal.Plural(c.Waiting, "project", "projects"))
	}
	used := call.Used{}
	if c.Used != nil {
		used = *c.Used
	}
	if c.Rows > 0 {
		row("rows", "%s", of(used.Rows, c.Rows))
	}
	if c.Bytes > 0 {
		row("bytes", "%s of %s", terminal.Size(used.Bytes), terminal.Size(c.Bytes))
	}
	return nil
}

// names puts names in one line.
func names[T ~string](list []T) string {
	s := make([]string, len(list))
	for i, x := range list {
		s[i] = string(x)
	}
	return strings.Join(s, ", ")
}

// moment reads a day or a moment; last is the end of a day. "" is the zero time.
func moment(flag, s string, last bool) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	p, err := schemas.ParsePeriod(s, false)
	if err != nil {
		return time.Time{}, schemas.BadField("call", flag, "%v", err)
	}
	if last {
		return p.Until, nil
	}
	return p.From, nil
}

// Run makes a call.
func (v addCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	days := int(time.Duration(v.Lasts) / (24 * time.Hour))
	if time.Duration(days)*24*time.Hour != time.Duration(v.Lasts) {
		return schemas.BadField("call", "--lasts", "%s is not a number of whole days; write it like 365d", time.Duration(v.Lasts))
	}
	in := call.Call{ID: v.ID, Name: v.Name, Description: v.Description, Owner: schemas.ParticipantID(v.Owner), MaxDays: days,
		Projects: v.Projects, Rows: v.Rows, Bytes: v.Bytes}
	for _, f := range v.Factory {
		in.Factories = append(in.Factories, schemas.FactoryID(f))
	}
	for _, s := range v.Space {
		in.Spaces = append(in.Spaces, schemas.SpaceID(s))
	}
	var err error
	in.Opens, err = moment("--opens", v.Opens, false)
	if err == nil {
		in.Closes, err = moment("--closes", v.Closes, true)
	}
	if err != nil {
		return err
	}
	c, err := open(ctx)
	if err != nil {
		return err
	}
	var options []client.Option
	if v.Replace > 0 {
		options = append(options, client.IfMatch(v.Replace))
	}
	var out call.Call
	err = c.Post(ctx, "/calls", in, &out, options...)
	if err != nil {
		return err
	}
	return show(t, &out)
}

// told says how an application stands.
func told(t *terminal.Terminal, a *call.Candidate) error {
	if t.JSON {
		return t.Print(a)
	}
	_, err := fmt.Fprintf(t.Out, "%s under %s: %s\n", a.Project, a.Call, a.State)
	return err
}

// send does something with an application and tells how it stands then.
func send(ctx context.Context, t *terminal.Terminal, open session.Opener, method, path string, in any) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	var a call.Candidate
	err = c.Do(ctx, method, path, in, &a)
	if err != nil {
		return err
	}
	return told(t, &a)
}

// Run asks to run a project under a call.
func (v applyCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	ask := call.CandidateAsk{Project: schemas.ProjectID(v.Project), Word: v.Word}
	return send(ctx, t, open, http.MethodPost, at(v.ID, "applications"), ask)
}

// Run takes it back.
func (v withdrawCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	return send(ctx, t, open, http.MethodDelete, at(v.ID, "applications", v.Project), nil)
}

// Run lists what was asked.
func (v applicationsCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	items, err := client.All[call.Candidate](ctx, c, at(v.ID, "applications"))
	if err != nil {
		return err
	}
	return terminal.ListOr(t, items, "nothing was asked under "+v.ID, "PROJECT\tTITLE\tLEAD\tSTATE\tASKED\tWORD\tREASON",
		func(a call.Candidate) []string {
			return []string{string(a.Project), schemas.Visible(a.Title), string(a.Lead), a.State, terminal.When(a.Asked),
				schemas.Visible(a.Word), schemas.Visible(a.Reason)}
		})
}

// Run admits a project.
func (v admitCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	word := call.CandidateAnswer{Decision: "admit", Reason: v.Reason}
	return send(ctx, t, open, http.MethodPost, at(v.ID, "applications", v.Project, "answer"), word)
}

// Run declines one.
func (v declineCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	word := call.CandidateAnswer{Decision: "decline", Reason: v.Reason}
	return send(ctx, t, open, http.MethodPost, at(v.ID, "applications", v.Project, "answer"), word)
}

// Run closes a call.
func (v closeCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	var out call.Call
	err = c.Post(ctx, at(v.ID, "close"), map[string]string{"reason": v.Reason}, &out)
	if err != nil {
		return err
	}
	return show(t, &out)
}
