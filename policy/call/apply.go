package call

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/schemas"
)

// States of an application.
const (
	Waiting   = "waiting"
	Admitted  = "admitted"
	Declined  = "declined"
	Withdrawn = "withdrawn"
)

// Candidate is that a project asks to run under a call.
type Candidate struct {
	ID       string                `json:"id"`
	Call     ID                    `json:"call"`
	Project  schemas.ProjectID     `json:"project"`
	Title    string                `json:"title" doc:"of the project, when it asked"`
	Lead     schemas.ParticipantID `json:"lead" doc:"of the project, when it asked"`
	By       schemas.ParticipantID `json:"by"`
	Word     string                `json:"word,omitempty" doc:"to who answers"`
	State    string                `json:"state" enum:"waiting,admitted,declined,withdrawn"`
	Asked    time.Time             `json:"asked"`
	Decided  time.Time             `json:"decided,omitzero"`
	Decider  schemas.ParticipantID `json:"decider,omitempty"`
	Reason   string                `json:"reason,omitempty"`
	Revision int64                 `json:"revision,omitempty"`
	// ProjectRevision is that of the project when it asked: another one was not looked at.
	ProjectRevision int64 `json:"project_revision,omitempty" doc:"of the project, when it asked"`
}

// CandidateAsk asks to run a project under a call.
type CandidateAsk struct {
	Project schemas.ProjectID `json:"project" minLength:"1" maxLength:"64"`
	Word    string            `json:"word,omitempty" doc:"to who answers" maxLength:"4000"`
}

// CandidateAnswer is the word on an application.
type CandidateAnswer struct {
	Decision string `json:"decision" enum:"admit,decline"`
	Reason   string `json:"reason,omitempty" doc:"needed to decline; the project's partners read it" maxLength:"4000"`
}

// Apply has a project ask. Errors: Unauthenticated; Denied unless by a trainer of the project's lead or an operator,
// or where the call is not open; NotFound; Invalid where the project does not fit; Conflict where it asked already.
func (s *Calls) Apply(ctx context.Context, by schemas.Principal, id ID, ask CandidateAsk) (Candidate, error) {
	if !by.Has(schemas.RoleOperator) {
		err := policy.Needs(by, schemas.RoleTrainer, "ask to run a project under a call")
		if err != nil {
			return Candidate{}, err
		}
	}
	ask.Word = strings.TrimSpace(ask.Word)
	if !schemas.IsText(ask.Word, maxProse) || !schemas.IsProse(ask.Word) {
		return Candidate{}, schemas.BadField("application", "/word", "a word has at most %d bytes, without control characters", maxProse)
	}
	now := s.Now().UTC()
	a := Candidate{ID: "capp-" + strings.ToLower(rand.Text()[:20]), Call: id, Project: ask.Project, By: by.Participant, Word: ask.Word,
		State: Waiting, Asked: now, Revision: 1}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		c, _, err := db.Get[Call](ctx, tx, "call", id)
		if err != nil {
			return err
		}
		p, err := s.project(ctx, tx, by, ask.Project)
		if err != nil {
			return err
		}
		err = c.takes(now)
		if err == nil {
			err = s.free(ctx, tx, &p)
		}
		if err == nil {
			err = c.fits(&p)
		}
		if err != nil {
			return err
		}
		own := 0
		err = tx.QueryRow(ctx, `SELECT count(*) FROM call_application a JOIN project p ON p.id = a.project
			WHERE a.call = ? AND a.state = ? AND p.lead = ?`, id, Waiting, string(p.Lead)).Scan(&own)
		if err == nil && own >= mostOfLead {
			err = &schemas.Error{Kind: schemas.Busy, Subject: id,
				Message: fmt.Sprintf("%d projects of %s wait for an answer under this call, which is the most", own, p.Lead),
				Remedy:  "ask again when some were answered"}
		}
		if err != nil {
			return err
		}
		n, err := count(ctx, tx, id, Waiting)
		if err == nil && n >= mostWaiting {
			err = &schemas.Error{Kind: schemas.Busy, Subject: id,
				Message: fmt.Sprintf("%d projects wait for an answer under this call, which is the most", n),
				Remedy:  "ask again when some were answered"}
		}
		if err != nil {
			return err
		}
		a.Title, a.Lead, a.ProjectRevision = p.Title, p.Lead, p.Revision
		err = db.Insert(ctx, tx, "call_application", a.ID, a, db.Columns{"call": id, "project": string(p.ID), "state": a.State})
		if err != nil {
			return err
		}
		return record(ctx, tx, schemas.ChangeCallAsked, a.ID, by, map[string]string{
			"call": id, "project": string(p.ID), "participant": string(p.Lead), "what": "asked"}, nil)
	})
	return a, err
}

// project reads the project that is to run under a call, for its lead or an operator. One that the caller takes no
// part in is not told from none.
func (s *Calls) project(ctx context.Context, tx *db.Tx, by schemas.Principal, id schemas.ProjectID) (schemas.Project, error) {
	p, revision, err := db.Get[schemas.Project](ctx, tx, "project", string(id))
	p.Revision = revision
	partner := by.Participant != "" && (p.Lead == by.Participant || slices.Contains(p.Partners, by.Participant))
	if schemas.KindOf(err) == schemas.NotFound || err == nil && !partner && !by.Has(schemas.RoleOperator) {
		return p, schemas.BadField("application", "/project", "you take part in no project %q", id)
	}
	if err != nil {
		return p, err
	}
	if p.Lead != by.Participant && !by.Has(schemas.RoleOperator) {
		return p, schemas.Refuse(string(id), "call.lead", "roles",
			fmt.Sprintf("the lead of the project, %s, asks for it", p.Lead), "ask the lead to")
	}
	lead, _, err := db.Get[schemas.Participant](ctx, tx, "participant", string(p.Lead))
	if err == nil && lead.Stopped {
		err = schemas.Refuse(string(p.Lead), "participant.stopped", "the operator",
			"the lead of the project was stopped", "write to the operator")
	}
	return p, err
}

// takes refuses a project outside of the call's window.
func (c *Call) takes(now time.Time) error {
	text := ""
	switch c.at(now) {
	case Planned:
		text = fmt.Sprintf("the call %q opens on %s", c.Name, day(c.Opens))
	case Over:
		text = fmt.Sprintf("the call %q was open until %s", c.Name, day(c.Closes))
	case Closed:
		text = fmt.Sprintf("the call %q was closed on %s", c.Name, day(c.ClosedAt))
	default:
		return nil
	}
	return schemas.Refuse(c.ID, "call.window", "the call", text, "ask while it is open; GET /calls?state=open lists those that are")
}

// free refuses a project that runs under a call, or asked to. The index of the table holds the second too, for those
// who ask at once.
func (s *Calls) free(ctx context.Context, tx *db.Tx, p *schemas.Project) error {
	if p.Call != "" {
		return schemas.Errorf(schemas.Conflict, string(p.ID), "the project %s runs under the call %s already, and under one only", p.ID, p.Call)
	}
	rows, _, err := db.List[Candidate](ctx, tx, "call_application", "project = ? AND state = ?", []any{string(p.ID), Waiting}, "", 1)
	if err != nil || len(rows) == 0 {
		return err
	}
	return &schemas.Error{Kind: schemas.Conflict, Subject: string(p.ID),
		Message: fmt.Sprintf("the project %s asked under the call %s already, and was not answered yet", p.ID, rows[0].Doc.Call),
		Remedy:  "wait for the answer, or withdraw it and ask again"}
}

// fits refuses a project that is not what a call asks for: where it runs, of which data space it is, and how long it
// lasts. A project that names no data space fits any call; what it asks for is judged then. Errors: Invalid.
func (c *Call) fits(p *schemas.Project) error {
	bad := func(format string, args ...any) error {
		return schemas.BadField("application", "/project", format, args...)
	}
	if len(c.Factories) > 0 && !slices.Contains(c.Factories, p.Factory) {
		return bad("the project %s runs at %s, and the call %q is for %v", p.ID, p.Factory, c.Name, c.Factories)
	}
	if len(c.Spaces) > 0 && p.Domain != "" && !slices.Contains(c.Spaces, p.Domain) {
		return bad("the project %s is of the data space %s, and the call %q is for %v", p.ID, p.Domain, c.Name, c.Spaces)
	}
	if c.MaxDays == 0 {
		return nil
	}
	switch {
	case p.Until.IsZero() || p.From.IsZero():
		return bad("the project %s does not say from when to when it runs, and projects of the call %q last at most %d days: "+
			"change the project first", p.ID, c.Name, c.MaxDays)
	case p.Until.Sub(p.From) > time.Duration(c.MaxDays)*24*time.Hour:
		return bad("the project %s lasts longer than the %d days of the call %q: change its end first", p.ID, c.MaxDays, c.Name)
	}
	return nil
}

// Keeps refuses a change of a project by which it would not be any more what its call asks for. It is nil where the
// project runs under none. Errors: Invalid.
//
// What takes nothing more is let through, whatever became of the call: nobody is kept from ending a project. A beginning
// is not put off, since the days of a call count from it.
func Keeps(ctx context.Context, q db.Querier, have, p *schemas.Project) error {
	if p.Call == "" || p.Factory == have.Factory && p.Domain == have.Domain && p.From.Equal(have.From) &&
		(have.Until.IsZero() || !p.Until.IsZero() && !p.Until.After(have.Until)) {
		return nil
	}
	c, _, err := db.Get[Call](ctx, q, "call", p.Call)
	if err != nil {
		return err
	}
	if c.MaxDays > 0 && !have.From.IsZero() && p.From.After(have.From) {
		return schemas.BadField("project", "/from", "the project runs under the call %s, whose days count from %s", p.Call, day(have.From))
	}
	return c.fits(p)
}

// Answer admits a project or declines it, once. Errors: Denied unless the caller answers for the call; NotFound;
// Invalid; Conflict where it was answered, the call is full, or the project does not fit any more.
func (s *Calls) Answer(
	ctx context.Context, by schemas.Principal, id ID, project schemas.ProjectID, word CandidateAnswer,
) (Candidate, error) {
	var a Candidate
	if word.Decision != "admit" && word.Decision != "decline" {
		return a, schemas.BadField("answer", "/decision", "%q is neither admit nor decline", word.Decision)
	}
	reason, err := why(word.Reason, word.Decision == "decline")
	if err != nil {
		return a, err
	}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		c, err := s.mine(ctx, tx, by, id, "answer what is asked under it")
		if err != nil {
			return err
		}
		a, err = waiting(ctx, tx, id, project)
		if err != nil {
			return err
		}
		a.State, a.Decided, a.Decider, a.Reason = Declined, s.Now().UTC(), by.Participant, reason
		kind, subject := schemas.ChangeCallDeclined, a.ID
		p, revision, err := db.Get[schemas.Project](ctx, tx, "project", string(project))
		if err != nil {
			return err
		}
		if !by.Has(schemas.RoleOperator) && (p.Lead == by.Participant || slices.Contains(p.Partners, by.Participant)) {
			return schemas.Refuse(id, "call.own", "roles", "your organisation takes part in the project itself", "the operator answers it")
		}
		if word.Decision == "admit" {
			a.State, kind, subject = Admitted, schemas.ChangeCallAdmitted, "project/"+string(project)
			if a.ProjectRevision != revision {
				return &schemas.Error{Kind: schemas.Conflict, Subject: string(project),
					Message: "the project was changed after it asked, so that what would be admitted is not what was asked",
					Remedy:  "decline; the lead asks again with the project as it is"}
			}
			err = s.admit(ctx, tx, &c, &p, revision)
			if err != nil {
				return err
			}
		}
		a.Revision, err = db.Update(ctx, tx, "call_application", a.ID, 0, a, db.Columns{"state": a.State})
		if err != nil {
			return err
		}
		return record(ctx, tx, kind, subject, by, map[string]string{"application": a.ID, "call": id, "project": string(project),
			"participant": string(p.Lead), "reason": reason}, nil)
	})
	return a, err
}

// waiting finds the application of a project that waits. Errors: NotFound where it never asked under the call;
// Conflict, with the last answer, where it was answered.
func waiting(ctx context.Context, tx *db.Tx, id ID, project schemas.ProjectID) (Candidate, error) {
	rows, _, err := db.List[Candidate](ctx, tx, "call_application", "call = ? AND project = ? AND state = ?",
		[]any{id, string(project), Waiting}, "", 1)
	if err == nil && len(rows) == 0 {
		rows, _, err = db.List[Candidate](ctx, tx, "call_application", "call = ? AND project = ?", []any{id, string(project)}, "", 1000)
	}
	if err != nil {
		return Candidate{}, err
	}
	if len(rows) == 0 {
		return Candidate{}, schemas.Errorf(schemas.NotFound, string(project), "the project %s did not ask under the call %s", project, id)
	}
	last := rows[0].Doc
	for _, r := range rows {
		if r.Doc.State == Waiting {
			r.Doc.Revision = r.Revision
			return r.Doc, nil
		}
		if r.Doc.Asked.After(last.Asked) {
			last = r.Doc
		}
	}
	return last, schemas.Errorf(schemas.Conflict, string(project),
		"the project %s does not wait under the call %s: it is %s", project, id, last.State)
}

// admit has a project run under a call. All that admits runs one after the other, so that what is counted here is
// what the call has.
func (s *Calls) admit(ctx context.Context, tx *db.Tx, c *Call, p *schemas.Project, revision int64) error {
	n, err := count(ctx, tx, c.ID, Admitted)
	if err != nil {
		return err
	}
	if c.Projects > 0 && n >= c.Projects {
		return &schemas.Error{Kind: schemas.Conflict, Subject: c.ID,
			Message: fmt.Sprintf("the call %q has %d projects, which is all that it takes", c.Name, n),
			Remedy:  "decline, or have the call take more"}
	}
	if p.Call != "" {
		return schemas.Errorf(schemas.Conflict, string(p.ID), "the project %s runs under the call %s already", p.ID, p.Call)
	}
	err = c.fits(p)
	if err != nil {
		return schemas.Errorf(schemas.Conflict, string(p.ID), "it does not fit any more: %v", err)
	}
	p.Call = c.ID
	p.Revision = 0
	_, err = db.Update(ctx, tx, "project", string(p.ID), revision, p, nil)
	return err
}

// Withdraw takes back what a project asked, and was not answered. Errors: Denied, NotFound, Conflict.
func (s *Calls) Withdraw(ctx context.Context, by schemas.Principal, id ID, project schemas.ProjectID) (Candidate, error) {
	var a Candidate
	err := signedIn(by)
	if err != nil {
		return a, err
	}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		p, err := s.project(ctx, tx, by, project)
		if err != nil {
			return err
		}
		a, err = waiting(ctx, tx, id, project)
		if err != nil {
			return err
		}
		a.State, a.Decided = Withdrawn, s.Now().UTC()
		a.Revision, err = db.Update(ctx, tx, "call_application", a.ID, 0, a, db.Columns{"state": a.State})
		if err != nil {
			return err
		}
		return record(ctx, tx, schemas.ChangeCallAsked, a.ID, by, map[string]string{
			"call": id, "project": string(project), "participant": string(p.Lead), "what": "withdrawn"}, nil)
	})
	return a, err
}

// Applications lists what projects asked under a call: all to who answers and to officers, else those of the
// caller's projects. Errors: Unauthenticated, NotFound.
func (s *Calls) Applications(
	ctx context.Context, by schemas.Principal, id ID, after string, limit int,
) (out []Candidate, next string, err error) {
	c, err := s.Get(ctx, by, id)
	if err != nil {
		return nil, "", err
	}
	where, args := "call = ?", []any{id}
	if !c.Answers && !by.Has(schemas.RoleOfficer) {
		own, err := s.own(ctx, by)
		if err != nil || len(own) == 0 {
			return nil, "", err
		}
		where += " AND project IN (?" + strings.Repeat(", ?", len(own)-1) + ")"
		args = append(args, own...)
	}
	rows, next, err := db.List[Candidate](ctx, s.DB, "call_application", where, args, after, limit)
	for _, r := range rows {
		r.Doc.Revision = r.Revision
		out = append(out, r.Doc)
	}
	return out, next, err
}

// own names the projects that a caller's organisation takes part in.
func (s *Calls) own(ctx context.Context, by schemas.Principal) (out []any, err error) {
	for after, more := "", by.Participant != ""; err == nil && more; more = after != "" {
		var rows []db.Row[schemas.Project]
		rows, after, err = db.List[schemas.Project](ctx, s.DB, "project", "", nil, after, 1000)
		for _, r := range rows {
			if r.Doc.Lead == by.Participant || slices.Contains(r.Doc.Partners, by.Participant) {
				out = append(out, string(r.ID))
			}
		}
	}
	return out, err
}
