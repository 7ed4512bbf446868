// Package call keeps the calls under which projects run: of an AI factory or a funder, each with a window in which
// one asks to run a project under it, with how long its projects last, and with a budget over all of them.
//
// In: what operators say of a call, projects that ask, the word of the operator or of the call's owner. Out: calls,
// applications, and what a call demands of its projects. Always: a project runs under at most one call; what is
// demanded is looked at when it asks and again when it is admitted; each change is one entry of the record, in the
// transaction that makes it. It must not know datasets or streams.
//
//	call   planned ──opens──▶ open ──closes──▶ over
//	          └──────────────────┴── closed by hand, for good
//
//	asked ──▶ admitted: the project says so itself, and is judged as one of the call from then on
//	  │   └─▶ declined, with a reason; it may ask again, here or elsewhere
//	  └─────▶ withdrawn by the project
//
// What a call gives in rows or bytes is a budget that the project's decisions and agreements name, which
// policy/agreement/budget counts over all projects of the call together. An agreement that was made before the
// project was admitted does not name it.
package call

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/schemas"
)

// ID names a call: a slug.
type ID = string

// State is how a call stands at a moment.
type State string

// States of a call. One that is over, or closed, takes no more projects; those that it has go on.
const (
	Planned State = "planned"
	Open    State = "open"
	Over    State = "over"
	Closed  State = "closed"
)

// Call is one of a factory or funder.
type Call struct {
	ID          ID                    `json:"id" doc:"slug" pattern:"^[a-z0-9][a-z0-9._-]{0,63}$"`
	Name        string                `json:"name" minLength:"1" maxLength:"200"`
	Description string                `json:"description,omitempty" maxLength:"4000"`
	Owner       schemas.ParticipantID `json:"owner,omitempty" doc:"whose call it is, who answers what is asked under it; the caller's participant when left out"`
	Factories   []schemas.FactoryID   `json:"factories,omitempty" doc:"where its projects run; none: anywhere" maxItems:"100"`
	Spaces      []schemas.SpaceID     `json:"spaces,omitempty" doc:"the data spaces that its projects ask in; none: any" maxItems:"100"`
	Opens       time.Time             `json:"opens,omitzero" doc:"from when on one may ask; now when left out"`
	Closes      time.Time             `json:"closes" doc:"until when"`
	MaxDays     int                   `json:"max_days,omitempty" doc:"how long a project lasts at most; 0: any time" minimum:"0" maximum:"3650"`
	Projects    int                   `json:"projects,omitempty" doc:"how many projects it takes; 0: any number" minimum:"0" maximum:"100000"`
	Rows        int64                 `json:"rows,omitempty" doc:"that all of its projects are given together; 0: any number" minimum:"0"`
	Bytes       int64                 `json:"bytes,omitempty" doc:"likewise" minimum:"0"`
	ClosedAt    time.Time             `json:"closed_at,omitzero" readOnly:"true" doc:"when it was closed by hand"`
	ClosedFor   string                `json:"closed_for,omitempty" readOnly:"true" doc:"why"`
	Revision    int64                 `json:"revision,omitempty" readOnly:"true"`

	State    State `json:"state,omitempty" readOnly:"true" enum:"planned,open,over,closed" doc:"when it was read; never stored"`
	Admitted int   `json:"admitted,omitempty" readOnly:"true" doc:"projects that it has; never stored"`
	Waiting  int   `json:"waiting,omitempty" readOnly:"true" doc:"for who answers: projects that wait"`
	Used     *Used `json:"used,omitempty" readOnly:"true" doc:"for who answers: what its projects were given of a budget"`
	Answers  bool  `json:"answers,omitempty" readOnly:"true" doc:"the caller answers for it"`
}

// Used is what was given out of a call's budget, or is reserved by streams that run.
type Used struct {
	Rows  int64 `json:"rows"`
	Bytes int64 `json:"bytes"`
}

// Config is what Calls are made of.
type Config struct {
	DB     *db.DB
	Spaces []schemas.SpaceProfile
	Now    func() time.Time
}

// Calls holds them. Safe for concurrent use.
type Calls struct{ Config }

// New makes Calls.
func New(c Config) *Calls { return &Calls{c} }

// Bounds of what people may fill.
const (
	mostWaiting = 1000 // applications of one call
	mostOfLead  = 20   // of them of projects of one lead
	maxName     = 200  // bytes
	maxProse    = 4000 // bytes
	maxDays     = 3650
	mostProject = 100_000
)

// stored is a call as it is stored.
func (c Call) stored() Call {
	c.Revision, c.State, c.Admitted, c.Waiting, c.Used, c.Answers = 0, "", 0, 0, nil, false
	return c
}

// at says how a call stands at a moment.
func (c *Call) at(now time.Time) State {
	switch {
	case !c.ClosedAt.IsZero():
		return Closed
	case now.Before(c.Opens):
		return Planned
	case !now.Before(c.Closes):
		return Over
	}
	return Open
}

// Account names the account that a call's budget is counted in.
func Account(id ID) string {
	sum := sha256.Sum256([]byte("guichet account 1 of a call\x00" + id))
	return "acc-" + hex.EncodeToString(sum[:20])
}

// Put makes a call (ifRevision 0) or changes one. Errors: Denied unless by is an operator; Invalid; Conflict where
// there is one of the name, or it was closed; Precondition; NotFound.
func (s *Calls) Put(ctx context.Context, by schemas.Principal, c Call, ifRevision int64) (Call, error) {
	err := policy.Needs(by, schemas.RoleOperator, "change calls")
	if err == nil {
		err = s.check(by, &c)
	}
	if err != nil {
		return c, err
	}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		err := s.refers(ctx, tx, &c)
		if err != nil {
			return err
		}
		what := "added"
		if ifRevision == 0 {
			c.ClosedAt, c.ClosedFor = time.Time{}, ""
			err = db.Insert(ctx, tx, "call", c.ID, c.stored(), nil)
			if schemas.KindOf(err) == schemas.Conflict {
				return &schemas.Error{Kind: schemas.Conflict, Subject: c.ID, Message: fmt.Sprintf("there is a call %s already", c.ID),
					Remedy: "change it (If-Match, or --replace), or name this one otherwise"}
			}
		} else {
			what = "changed"
			err = s.replace(ctx, tx, &c, ifRevision)
		}
		if err != nil {
			return err
		}
		return record(ctx, tx, schemas.ChangeCall, "call/"+c.ID, by, map[string]string{"call": c.ID, "name": c.Name, "what": what},
			map[string]int64{"opens": c.Opens.Unix(), "closes": c.Closes.Unix(), "projects": int64(c.Projects), "rows": c.Rows, "bytes": c.Bytes})
	})
	if err != nil {
		return c, err
	}
	return s.Get(ctx, by, c.ID)
}

// replace stores what is said of a call that is there.
func (s *Calls) replace(ctx context.Context, tx *db.Tx, c *Call, ifRevision int64) error {
	have, _, err := db.Get[Call](ctx, tx, "call", c.ID)
	if err != nil {
		return err
	}
	if !have.ClosedAt.IsZero() {
		return &schemas.Error{Kind: schemas.Conflict, Subject: c.ID, Message: fmt.Sprintf("the call %s was closed", c.Name),
			Remedy: "make another one"}
	}
	n, err := count(ctx, tx, c.ID, Admitted)
	if err != nil {
		return err
	}
	if c.Projects > 0 && n > c.Projects {
		return schemas.BadField("call", "/projects", "it has %d projects already, so that it cannot take %d", n, c.Projects)
	}
	if n > 0 && have.Rows == 0 && have.Bytes == 0 && (c.Rows > 0 || c.Bytes > 0) { // their agreements know of none
		return schemas.BadField("call", "/rows", "it has %d projects, which have agreements without a budget: close it and make another one", n)
	}
	c.ClosedAt, c.ClosedFor = time.Time{}, ""
	_, err = db.Update(ctx, tx, "call", c.ID, ifRevision, c.stored(), nil)
	return err
}

// check brings a call into its form. Errors: Invalid.
func (s *Calls) check(by schemas.Principal, c *Call) error {
	bad := func(at, format string, args ...any) error { return schemas.BadField("call", at, format, args...) }
	c.Name, c.Description = strings.TrimSpace(schemas.Normal(c.Name)), strings.TrimSpace(c.Description)
	c.Owner = cmp.Or(c.Owner, by.Participant)
	if c.Opens.IsZero() {
		c.Opens = s.Now()
	}
	c.Opens, c.Closes = c.Opens.UTC().Truncate(time.Second), c.Closes.UTC().Truncate(time.Second)
	switch {
	case !schemas.IsSlug(c.ID):
		return bad("/id", "%q cannot name a call: a name has %s", c.ID, schemas.SlugInWords)
	case !strings.ContainsFunc(c.Name, unicode.IsLetter) || len(c.Name) > maxName || !schemas.IsLine(c.Name):
		return bad("/name", "a call is called by one line with letters, of at most %d bytes, without control characters", maxName)
	case scripts(c.Name) > 1:
		return bad("/name", "%q mixes letters of several scripts, of which some look alike: write it in one", c.Name)
	case !schemas.IsText(c.Description, maxProse) || !schemas.IsProse(c.Description):
		return bad("/description", "a description has at most %d bytes, without control characters", maxProse)
	case c.Closes.IsZero():
		return bad("/closes", "say until when one may ask")
	case !c.Closes.After(c.Opens):
		return bad("/closes", "it closes on %s, which is not after it opens on %s", day(c.Closes), day(c.Opens))
	case c.Closes.Sub(c.Opens) > maxDays*24*time.Hour:
		return bad("/closes", "a window lasts at most ten years")
	case c.MaxDays < 0 || c.MaxDays > maxDays:
		return bad("/max_days", "%d: a project lasts 1 to %d days, and 0 says any time", c.MaxDays, maxDays)
	case c.Projects < 0 || c.Projects > mostProject:
		return bad("/projects", "%d: a call takes 1 to %d projects, and 0 says any number", c.Projects, mostProject)
	case c.Rows < 0:
		return bad("/rows", "%d: a budget is not below nothing; 0 says any number", c.Rows)
	case c.Bytes < 0:
		return bad("/bytes", "%d: a budget is not below nothing; 0 says any number", c.Bytes)
	}
	for i, id := range c.Factories {
		if slices.Contains(c.Factories[:i], id) {
			return bad(fmt.Sprintf("/factories/%d", i), "%q is named twice", id)
		}
	}
	for i, id := range c.Spaces {
		known := slices.ContainsFunc(s.Spaces, func(p schemas.SpaceProfile) bool { return p.ID == id })
		if !known || slices.Contains(c.Spaces[:i], id) {
			return bad(fmt.Sprintf("/spaces/%d", i), "%q is no data space, or is named twice", id)
		}
	}
	return nil
}

// scripts counts the scripts of a text whose letters are taken for those of another.
func scripts(s string) (n int) {
	for _, of := range []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee} {
		if strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(of, r) }) {
			n++
		}
	}
	return n
}

// likeness is what names that people take for one another have in common: their letters and digits. "Call for SMEs,
// 2027" and "CALL FOR SMES 2027" are alike.
func likeness(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// refers refuses a call of what is not there, and one whose name is that of another that is not closed, or looks like
// it: people choose by names. Errors: Invalid, those of the database.
func (s *Calls) refers(ctx context.Context, tx *db.Tx, c *Call) error {
	_, _, err := db.Get[schemas.Participant](ctx, tx, "participant", string(c.Owner))
	if schemas.KindOf(err) == schemas.NotFound {
		return schemas.BadField("call", "/owner", "there is no participant %q", c.Owner)
	}
	for i := 0; err == nil && i < len(c.Factories); i++ {
		_, _, err = db.Get[schemas.Factory](ctx, tx, "factory", string(c.Factories[i]))
		if schemas.KindOf(err) == schemas.NotFound {
			return schemas.BadField("call", fmt.Sprintf("/factories/%d", i), "there is no factory %q", c.Factories[i])
		}
	}
	for after, more := "", true; err == nil && more; more = after != "" {
		var rows []db.Row[Call]
		rows, after, err = db.List[Call](ctx, tx, "call", "", nil, after, 1000)
		for _, r := range rows {
			if r.ID != c.ID && r.Doc.ClosedAt.IsZero() && likeness(r.Doc.Name) == likeness(c.Name) {
				return schemas.BadField("call", "/name", "the call %s has this name, or one that looks like it: %q", r.ID, r.Doc.Name)
			}
		}
	}
	return err
}

// record appends a change of this package.
func record(
	ctx context.Context, tx *db.Tx, kind, subject string, by schemas.Principal, values map[string]string, numbers map[string]int64,
) error {
	values["by"], values["subject"] = string(by.Participant), by.Issuer+"#"+by.Subject
	for name, v := range values {
		if v == "" {
			delete(values, name)
		}
	}
	_, err := tx.Append(ctx, schemas.Change{Kind: kind, Subject: subject, Values: values, Numbers: numbers})
	return err
}

// count counts the applications of a call in a state.
func count(ctx context.Context, q db.Querier, id ID, state string) (n int, err error) {
	err = q.QueryRow(ctx, `SELECT count(*) FROM call_application WHERE call = ? AND state = ?`, id, state).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the projects of call %s: %w", id, err)
	}
	return n, nil
}

// answers says whether a caller answers what is asked under a call: an operator, or a member of its owner.
func answers(by schemas.Principal, c *Call) bool {
	return by.Has(schemas.RoleOperator) || by.Participant != "" && by.Participant == c.Owner
}

// fill completes a call for its reader: what it has is everybody's to know, what waits and what it gave are for who
// answers for it and for officers.
func (s *Calls) fill(ctx context.Context, by schemas.Principal, c *Call, revision int64) (err error) {
	c.Revision, c.State, c.Answers = revision, c.at(s.Now()), answers(by, c)
	c.Admitted, err = count(ctx, s.DB, c.ID, Admitted)
	if err != nil || !c.Answers && !by.Has(schemas.RoleOfficer) {
		return err
	}
	c.Waiting, err = count(ctx, s.DB, c.ID, Waiting)
	if err != nil || c.Rows == 0 && c.Bytes == 0 {
		return err
	}
	c.Used = &Used{}
	err = s.DB.QueryRow(ctx, `SELECT rows_used + rows_held, bytes_used + bytes_held FROM account WHERE id = ?`, Account(c.ID)).
		Scan(&c.Used.Rows, &c.Used.Bytes)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read what call %s gave: %w", c.ID, err)
	}
	return nil
}

// signedIn refuses strangers: calls are told to who may come to take part.
func signedIn(by schemas.Principal) error {
	if by.SignedIn() {
		return nil
	}
	return policy.Needs(by, schemas.RoleTrainer, "see calls")
}

// Get finds a call. Errors: Unauthenticated, NotFound.
func (s *Calls) Get(ctx context.Context, by schemas.Principal, id ID) (Call, error) {
	err := signedIn(by)
	if err != nil {
		return Call{}, err
	}
	c, revision, err := db.Get[Call](ctx, s.DB, "call", id)
	if err == nil {
		err = s.fill(ctx, by, &c, revision)
	}
	return c, err
}

// List gives calls in the order of their ids, from the first after the one named; state "" is any. Errors:
// Unauthenticated, Invalid.
func (s *Calls) List(ctx context.Context, by schemas.Principal, state, after string, limit int) (out []Call, next string, err error) {
	err = signedIn(by)
	if err == nil && state != "" && !slices.Contains([]State{Planned, Open, Over, Closed}, State(state)) {
		err = schemas.BadField("calls", "state", "%q is no state; there are planned, open, over, closed", state)
	}
	if err != nil {
		return nil, "", err
	}
	rows, next, err := db.List[Call](ctx, s.DB, "call", "", nil, after, limit)
	for i := 0; err == nil && i < len(rows); i++ {
		var c Call
		c, err = s.Get(ctx, by, rows[i].ID) // held against the record
		if err == nil && (state == "" || c.State == State(state)) {
			out = append(out, c)
		}
	}
	return out, next, err
}

// Close ends the window of a call for good; its projects go on. Errors: Denied unless the caller answers for it;
// NotFound; Invalid; Conflict where it was closed.
func (s *Calls) Close(ctx context.Context, by schemas.Principal, id ID, reason string) (Call, error) {
	reason, err := why(reason, true)
	if err != nil {
		return Call{}, err
	}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		c, err := s.mine(ctx, tx, by, id, "close it")
		if err != nil {
			return err
		}
		if !c.ClosedAt.IsZero() {
			return schemas.Errorf(schemas.Conflict, id, "the call %s was closed on %s", c.Name, day(c.ClosedAt))
		}
		c.ClosedAt, c.ClosedFor = s.Now().UTC(), reason
		_, err = db.Update(ctx, tx, "call", id, 0, c.stored(), nil)
		if err != nil {
			return err
		}
		return record(ctx, tx, schemas.ChangeCall, "call/"+id, by,
			map[string]string{"call": id, "name": c.Name, "what": "closed", "reason": reason}, nil)
	})
	if err != nil {
		return Call{}, err
	}
	return s.Get(ctx, by, id)
}

// mine reads a call for who answers for it. Errors: Unauthenticated, NotFound, Denied for everybody else.
func (s *Calls) mine(ctx context.Context, tx *db.Tx, by schemas.Principal, id ID, what string) (Call, error) {
	err := signedIn(by)
	if err != nil {
		return Call{}, err
	}
	c, _, err := db.Get[Call](ctx, tx, "call", id)
	if err == nil && !answers(by, &c) {
		err = schemas.Refuse(id, "call.owner", "roles", fmt.Sprintf("the call is of %s, whose members and the operator %s", c.Owner, what),
			"ask them to")
	}
	return c, err
}

// why brings a reason into its form.
func why(reason string, needed bool) (string, error) {
	reason = strings.TrimSpace(reason)
	if reason == "" && needed {
		return "", schemas.BadField("call", "/reason", "say why, so that those who asked know what to do")
	}
	if !schemas.IsText(reason, maxProse) || !schemas.IsProse(reason) {
		return "", schemas.BadField("call", "/reason", "a reason has at most %d bytes, without control characters", maxProse)
	}
	return reason, nil
}

// day is a moment as messages say it.
func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
