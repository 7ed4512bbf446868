package joining

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"guichet/cmd/guichet/session"
	"guichet/cmd/guichet/terminal"
	"guichet/policy/join"
	"guichet/schemas"
)

// InviteCmd makes an invitation.
type InviteCmd struct {
	Role        []schemas.Role `help:"Of the new member; all that you may give when left out." placeholder:"ROLE"`
	Days        int            `help:"Until it ends." default:"7"`
	For         string         `help:"Whom it is meant for, to tell invitations apart." placeholder:"NAME"`
	Participant string         `help:"For operators: whose member." placeholder:"ID"`
}

// Run makes it, and prints its link once.
func (v InviteCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	if len(v.Role) == 0 {
		var o join.Roster
		err = c.Get(ctx, roster(v.Participant), &o)
		if err != nil {
			return err
		}
		v.Role = o.MayInvite
	}
	var made join.NewInvitation
	ask := join.InvitationAsk{Participant: schemas.ParticipantID(v.Participant), Roles: v.Role, Days: v.Days, For: v.For}
	err = c.Post(ctx, "/invitations", ask, &made)
	if err != nil {
		return err
	}
	if made.Link == "" {
		made.Link = c.Address() + "/join/" + made.Secret
	}
	if t.JSON {
		return t.Print(made)
	}
	fmt.Fprintf(t.Out, "%s\nwhoever opens it and signs in acts for %s%s; it is shown once, and good for one person until %s\n",
		made.Link, made.Invitation.Participant, terminal.InRoles(made.Invitation.Roles), terminal.When(made.Invitation.Ends))
	return nil
}

// roster is where members are read: of one's own organisation, or as the operator of any.
func roster(participant string) string {
	if participant == "" {
		return "/organisation"
	}
	return "/organisation?" + url.Values{"participant": {participant}}.Encode()
}

// MembersCmd keeps the members of one's organisation.
type MembersCmd struct {
	List     membersCmd  `cmd:"" default:"1" help:"List them, and open invitations."`
	Remove   removeCmd   `cmd:"" help:"Remove one: her leases end, and her streams are cut."`
	Withdraw withdrawCmd `cmd:"" help:"Withdraw an open invitation."`
}

type (
	membersCmd struct {
		Participant string `help:"For operators: of which organisation." placeholder:"ID"`
	}
	removeCmd struct {
		Subject     string `arg:"" help:"Who: sub at her issuer."`
		Issuer      string `help:"Her issuer; needed where two of this name are members." placeholder:"URL"`
		Participant string `help:"For operators: of which organisation." placeholder:"ID"`
	}
	withdrawCmd struct {
		ID string `arg:"" help:"Id of an invitation."`
	}
)

// Run lists members and invitations.
func (v membersCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	var o join.Roster
	err = c.Get(ctx, roster(v.Participant), &o)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(o)
	}
	fmt.Fprintf(t.Out, "%s · %s\n", o.ID, schemas.Visible(o.Name))
	err = terminal.List(t, o.Members, "MEMBER\tISSUER\tROLES\tMAIL\tCAME\tSINCE", func(m join.Colleague) []string {
		return []string{schemas.Visible(m.Subject), schemas.Visible(m.Issuer), roles(m.Roles), schemas.Visible(m.Mail), m.How,
			terminal.When(m.Since)}
	})
	if err != nil || len(o.Invitations) == 0 {
		return err
	}
	return terminal.List(t, o.Invitations, "INVITATION\tFOR\tROLES\tMADE BY\tENDS", func(in join.Invitation) []string {
		return []string{in.ID, schemas.Visible(in.For), roles(in.Roles), schemas.Visible(in.By.Subject), terminal.When(in.Ends)}
	})
}

// Run removes a member.
func (v removeCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	var o join.Roster
	err = c.Get(ctx, roster(v.Participant), &o)
	if err != nil {
		return err
	}
	var named []join.Colleague
	for _, m := range o.Members {
		if m.Subject == v.Subject && (v.Issuer == "" || v.Issuer == m.Issuer) {
			named = append(named, m)
		}
	}
	if len(named) != 1 {
		return schemas.BadField("member", "SUBJECT",
			"%d members of %s are called %q; guichet members lists them, --issuer tells them apart", len(named), o.ID, v.Subject)
	}
	var gone join.Removal
	whom := join.Removal{Participant: schemas.ParticipantID(v.Participant), Issuer: named[0].Issuer, Subject: v.Subject}
	err = c.Post(ctx, "/organisation/removals", whom, &gone)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(gone)
	}
	fmt.Fprintf(t.Out, "%s acts for %s no more\n", schemas.Visible(gone.Subject), gone.Participant)
	return nil
}

// Run withdraws an invitation.
func (v withdrawCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	var in join.Invitation
	err = c.Do(ctx, http.MethodDelete, "/invitations/"+url.PathEscape(v.ID), nil, &in)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(in)
	}
	fmt.Fprintf(t.Out, "%s is %s\n", in.ID, in.State)
	return nil
}
