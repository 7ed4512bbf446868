// Package joining is the command line's words on joining: asking to, answering who asks, inviting colleagues.
//
// In: what somebody typed. Out: applications, invitations and members as the gateway has them. Always: what was
// declared and what was checked are shown apart; the secret of an invitation is printed once. It must not know who
// may join.
//
//	guichet join ORGANISATION …      asks to join, or says how that stands
//	guichet joining list|show|…      the operator's desk
//	guichet invite --role …          makes a link for a colleague
//	guichet members …                who belongs to one's organisation, and who is removed
package joining

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"guichet/cmd/guichet/session"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/policy/join"
	"guichet/schemas"
)

// AskCmd asks to join with an organisation, accepts an invitation, or says how it stands.
type AskCmd struct {
	Organisation string         `arg:"" optional:"" help:"Its id: its web address, such as https://acme.example, or did; left out, how it stands is shown."`
	Name         string         `help:"Its name."`
	Country      string         `help:"Its country: two letters, such as FR." placeholder:"CODE"`
	Kind         string         `help:"start-up, sme, large-company, research or public-body." placeholder:"KIND"`
	Role         []schemas.Role `help:"What it wants to do: trainer, provider; trainer when left out." placeholder:"ROLE"`
	Contact      string         `help:"Where the operator reaches you: an address of mail or of the web." placeholder:"ADDRESS"`
	Word         string         `help:"A word to the operator." placeholder:"TEXT"`
	Invitation   string         `help:"Become a member by an invitation: its link, or the end of it." placeholder:"LINK"`
	Withdraw     bool           `help:"Withdraw what you asked."`
}

// Run asks, accepts, withdraws or shows.
func (v AskCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	switch {
	case v.Invitation != "":
		return v.accept(ctx, t, c)
	case v.Organisation != "":
		if len(v.Role) == 0 {
			v.Role = []schemas.Role{schemas.RoleTrainer}
		}
		var a join.Application
		err = c.Post(ctx, "/applications", join.Declared{Organisation: schemas.ParticipantID(v.Organisation), Name: v.Name, Country: v.Country,
			Kind: schemas.ParticipantKind(v.Kind), Roles: v.Role, Contact: v.Contact, Word: v.Word}, &a)
		if err != nil {
			return err
		}
		return told(t, &a, "the operator decides; guichet join shows the answer")
	}
	var s join.Standing
	err = c.Get(ctx, "/joining", &s)
	if err != nil {
		return err
	}
	if s.Application == nil {
		if t.JSON {
			return t.Print(s)
		}
		fmt.Fprintln(t.Out, "you asked for nothing: guichet join ORGANISATION --name … --country … --kind … --contact … asks to join with yours")
		return nil
	}
	if v.Withdraw {
		var a join.Application
		err = c.Do(ctx, http.MethodDelete, "/applications/"+url.PathEscape(s.Application.ID), nil, &a)
		if err != nil {
			return err
		}
		return told(t, &a, "")
	}
	return told(t, s.Application, "")
}

// accept makes the caller a member.
func (v AskCmd) accept(ctx context.Context, t *terminal.Terminal, c *client.Client) error {
	secret := v.Invitation[strings.LastIndexByte(v.Invitation, '/')+1:]
	var in join.Invited
	err := c.Post(ctx, "/invitations/accept", map[string]string{"secret": secret}, &in)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(in)
	}
	fmt.Fprintf(t.Out, "you act for %s%s\n", in.Participant, terminal.InRoles(in.Roles))
	return nil
}

// told shows one application.
func told(t *terminal.Terminal, a *join.Application, then string) error {
	if t.JSON {
		return t.Print(a)
	}
	show(t, a)
	if then != "" {
		fmt.Fprintln(t.Out, then)
	}
	return nil
}

// show prints an application: what was declared apart from what was checked.
func show(t *terminal.Terminal, a *join.Application) {
	line := func(format string, args ...any) { fmt.Fprintf(t.Out, format+"\n", args...) }
	d := &a.Declared
	line("%s: %s, asked %s", a.ID, a.State, terminal.When(a.Asked))
	if a.Reason != "" {
		line("the operator says: %s", schemas.Visible(a.Reason))
	}
	if a.Project != "" {
		line("to try what is open at once there is the project %s", a.Project)
	}
	line("declared, and checked by nobody:")
	line("    %s · %s · %s · %s, wants to be %s", d.Organisation, schemas.Visible(d.Name), d.Country, d.Kind, roles(d.Roles))
	line("    reached at %s", schemas.Visible(d.Contact))
	if d.Word != "" {
		line("    %s", schemas.Visible(d.Word))
	}
	line("checked:")
	line("    signed in as %s at %s", schemas.Visible(a.By.Subject), schemas.Visible(a.By.Issuer))
	line("    %s", speaks(a.Checked.Speaks))
	switch a.Checked.Mail {
	case "same":
		line("    its issuer verified %s, whose domain is the organisation's host", schemas.Visible(a.By.Mail))
	case "other":
		line("    its issuer verified %s, whose domain is not the organisation's host", schemas.Visible(a.By.Mail))
	default:
		line("    its issuer names no verified address of mail")
	}
	if len(a.Checked.Alike) > 0 {
		line("    ATTENTION: participants with this host: %s; a confirmation takes none of them over", list(a.Checked.Alike))
	}
	if a.Checked.Others > 0 {
		line("    ATTENTION: %s with this host", terminal.Plural(a.Checked.Others, "other application waits", "other applications wait"))
	}
}

// speaks says in words whether an issuer may speak for an organisation.
func speaks(how string) string {
	return map[string]string{
		"own": "its issuer is the operator's own", "named": "the settings name this organisation beside its issuer",
		"any": "the settings let the issuer's people join; it says nothing of where they work",
		"no":  "its issuer may not speak for this organisation: a confirmation needs a change of the settings first",
	}[how]
}

// roles says roles as people type them.
func roles(of []schemas.Role) string { return list(of) }

// list puts names in one line.
func list[T ~string](of []T) string {
	s := make([]string, len(of))
	for i, x := range of {
		s[i] = string(x)
	}
	return strings.Join(s, ", ")
}

// Cmd answers who asks to join.
type Cmd struct {
	List    listCmd    `cmd:"" help:"List applications."`
	Show    showCmd    `cmd:"" help:"Show one: what was declared, and what was checked."`
	Confirm confirmCmd `cmd:"" help:"Let the organisation in, with the person as its member."`
	Refuse  refuseCmd  `cmd:"" help:"Refuse one; the person reads why."`
}

type (
	listCmd struct {
		State string `help:"waiting, confirmed, refused, withdrawn or all." default:"waiting"`
	}
	showCmd struct {
		ID string `arg:"" help:"Id of an application."`
	}
	confirmCmd struct {
		ID     string         `arg:"" help:"Id of an application."`
		Role   []schemas.Role `help:"In place of the roles that were asked for." placeholder:"ROLE"`
		Reason string         `help:"A word to the person." placeholder:"TEXT"`
	}
	refuseCmd struct {
		ID     string `arg:"" help:"Id of an application."`
		Reason string `help:"Why." required:"" placeholder:"TEXT"`
	}
)

// Run lists applications.
func (v listCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	path, none := "/applications", "nobody asked to join"
	if v.State != "all" {
		path, none = path+"?"+url.Values{"state": {v.State}}.Encode(), "no application is "+v.State
	}
	items, err := client.All[join.Application](ctx, c, path)
	if err != nil {
		return err
	}
	head := "ID\tSTATE\tASKED\tORGANISATION\tNAME\tWANTS\tISSUER MAY SPEAK\tMAIL\tALIKE"
	return terminal.ListOr(t, items, none, head, func(a join.Application) []string {
		return []string{a.ID, a.State, terminal.When(a.Asked), string(a.Declared.Organisation), schemas.Visible(a.Declared.Name),
			roles(a.Declared.Roles), a.Checked.Speaks, a.Checked.Mail, list(a.Checked.Alike)}
	})
}

// Run shows one.
func (v showCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	var a join.Application
	err = c.Get(ctx, "/applications/"+url.PathEscape(v.ID), &a)
	if err != nil {
		return err
	}
	return told(t, &a, "")
}

// Run confirms one.
func (v confirmCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	return answer(ctx, t, open, v.ID, join.Answer{Decision: "confirm", Roles: v.Role, Reason: v.Reason})
}

// Run refuses one.
func (v refuseCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	return answer(ctx, t, open, v.ID, join.Answer{Decision: "refuse", Reason: v.Reason})
}

// answer sends the operator's word.
func answer(ctx context.Context, t *terminal.Terminal, open session.Opener, id string, word join.Answer) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	var a join.Application
	err = c.Post(ctx, "/applications/"+url.PathEscape(id)+"/answer", word, &a)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(a)
	}
	fmt.Fprintf(t.Out, "%s is %s", a.Declared.Organisation, a.State)
	if a.Project != "" {
		fmt.Fprintf(t.Out, ", with the project %s", a.Project)
	}
	fmt.Fprintln(t.Out)
	return nil
}
