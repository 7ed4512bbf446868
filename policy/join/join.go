// Package join lets people in: who signed in and belongs to no organisation asks to join with one, which the
// operator confirms or refuses; members invite colleagues.
//
// In: what a person declares, what her issuer says of her, the operator's word, the secret of an invitation. Out:
// participants, their members, a playground project. Always: what is declared and what was checked are kept apart;
// nothing is granted before the operator, or a member who may, said so; each change is one entry of the record, in
// the transaction that makes it; what people may fill is bounded. It must not know datasets, pages or tokens.
//
//	asked ──▶ confirmed: a participant with its member, and a playground where it trains
//	  │   └─▶ refused: the person reads why, and may ask again another day
//	  └─────▶ withdrawn by the person
//
//	invited ─▶ accepted: a member with the roles of the invitation
//	   └─────▶ withdrawn, over, or void since who made it left
package join

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/policy/party"
	"guichet/schemas"
)

// Config is what a Desk is made of.
type Config struct {
	DB      *db.DB
	Parties *party.Registry
	// Speaks says how an issuer may speak for a participant: "no", or why it may.
	Speaks func(issuer string, id schemas.ParticipantID) string
	Now    func() time.Time
}

// Desk is where people join. Safe for concurrent use.
type Desk struct{ Config }

// New makes a desk.
func New(c Config) *Desk { return &Desk{c} }

// Bounds of what people may fill: anybody whom an issuer lets in may write here, and an operator reads it all. One
// issuer whose accounts cost nothing leaves half of the room to the people of others.
const (
	MostWaiting  = 1000 // applications that wait, of all
	MostOfIssuer = 500  // and of one issuer
	mostInADay   = 3    // applications of one person
	mostOpen     = 100  // invitations of a participant that are open
	mostMembers  = 1000 // of a participant that invites
	maxContact   = 256  // bytes
	maxWord      = 2000 // bytes
)

// States of an application.
const (
	Waiting   = "waiting"
	Confirmed = "confirmed"
	Refused   = "refused"
	TakenBack = "withdrawn"
)

// notSpeaking is what Config.Speaks says of an issuer that may not.
const notSpeaking = "no"

// Person is somebody as her issuer knows her.
type Person struct {
	Issuer  string `json:"iss"`
	Subject string `json:"sub"`
	Mail    string `json:"mail,omitempty" doc:"that the issuer says and verified"`
}

// person is a caller as she is kept.
func person(by schemas.Principal) Person { return Person{by.Issuer, by.Subject, by.Mail} }

// key is a person as a column: both names may be long.
func (p Person) key() string { return digest(p.Issuer + "\x00" + p.Subject) }

// digest is how secrets and long names are looked up: whoever reads the table learns neither.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// Declared is what a person says of her organisation. Nobody checked it.
type Declared struct {
	Organisation schemas.ParticipantID   `json:"organisation" doc:"id: its web address, such as https://acme.example, or did" maxLength:"400"`
	Name         string                  `json:"name" minLength:"1" maxLength:"256"`
	Country      string                  `json:"country" doc:"ISO 3166-1 alpha-2" pattern:"^[A-Z]{2}$"`
	Kind         schemas.ParticipantKind `json:"kind" enum:"start-up,sme,large-company,research,public-body"`
	Roles        []schemas.Role          `json:"roles" doc:"what it wants to do: trainer, provider" minItems:"1" maxItems:"2"`
	Contact      string                  `json:"contact" doc:"where the operator reaches the person: an address of mail or of the web" minLength:"3" maxLength:"256"`
	Word         string                  `json:"word,omitempty" doc:"to the operator" maxLength:"2000"`
}

// Checked is what the gateway knows, and nothing more.
type Checked struct {
	Speaks string                  `json:"speaks" enum:"no,own,named,any" doc:"may the person's issuer speak for the organisation: no; it is the operator's own; the settings name the organisation; the settings let its people join, and the organisation has no issuer of its own"`
	Mail   string                  `json:"mail" enum:"none,other,same" doc:"the domain of the address that the issuer verified: there is no address; it is not the host of the organisation's id; it is"`
	Alike  []schemas.ParticipantID `json:"alike,omitempty" doc:"for operators: participants with the same id or host"`
	Others int                     `json:"others,omitempty" doc:"for operators: how many others wait with the same host"`
}

// Application is that somebody asks to join with an organisation.
type Application struct {
	ID       string                `json:"id"`
	State    string                `json:"state" enum:"waiting,confirmed,refused,withdrawn"`
	By       Person                `json:"by"`
	Declared Declared              `json:"declared" doc:"by the person; nobody checked it"`
	Checked  Checked               `json:"checked" doc:"by the gateway; when it was decided, as it was then"`
	Asked    time.Time             `json:"asked"`
	Decided  time.Time             `json:"decided,omitzero"`
	Decider  schemas.ParticipantID `json:"decider,omitempty"`
	Reason   string                `json:"reason,omitempty" doc:"what the operator said"`
	Roles    []schemas.Role        `json:"roles,omitempty" doc:"that were granted"`
	Project  schemas.ProjectID     `json:"project,omitempty" doc:"the playground that was made"`
	Revision int64                 `json:"revision,omitempty"`
}

// newID makes an id that nobody guesses.
func newID(prefix string) string { return prefix + "-" + strings.ToLower(rand.Text()[:20]) }

// Ask keeps that a person asks to join. Errors: Unauthenticated; Conflict for members and for who asked already;
// Invalid; Busy where a bound is reached.
func (d *Desk) Ask(ctx context.Context, by schemas.Principal, said Declared) (Application, error) {
	err := d.stranger(ctx, by)
	if err != nil {
		return Application{}, err
	}
	err = d.check(&said)
	if err != nil {
		return Application{}, err
	}
	now := d.Now().UTC()
	a := Application{ID: newID("join"), State: Waiting, By: person(by), Declared: said, Asked: now, Revision: 1}
	err = d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		err := d.room(ctx, tx, a.By, now)
		if err != nil {
			return err
		}
		err = db.Insert(ctx, tx, "application", a.ID, a, db.Columns{
			"person": a.By.key(), "issuer": a.By.Issuer, "state": a.State, "asked": now.UnixMicro()})
		if schemas.KindOf(err) == schemas.Conflict { // the index of those that wait: also of who presses twice at once
			return &schemas.Error{Kind: schemas.Conflict, Subject: "application",
				Message: "you asked to join already, and the operator has not answered yet",
				Remedy:  "wait for the answer, or withdraw what you asked and ask again"}
		}
		if err != nil {
			return err
		}
		return d.record(ctx, tx, schemas.ChangeJoin, a.ID, by, map[string]string{
			"application": a.ID, "organisation": string(said.Organisation), "name": said.Name, "roles": roleList(said.Roles)})
	})
	if err != nil {
		return Application{}, err
	}
	a.Checked = d.checked(&a)
	return a, nil
}

// record appends a change of this package.
func (d *Desk) record(ctx context.Context, tx *db.Tx, kind, id string, by schemas.Principal, values map[string]string) error {
	values["by"], values["subject"] = string(by.Participant), by.Issuer+"#"+by.Subject
	for name, v := range values {
		if v == "" {
			delete(values, name)
		}
	}
	_, err := tx.Append(ctx, schemas.Change{Kind: kind, Subject: id, Values: values})
	return err
}

// roleList is the form of roles in the record, as that of memberships.
func roleList(roles []schemas.Role) string {
	s := make([]string, len(roles))
	for i, r := range roles {
		s[i] = string(r)
	}
	return strings.Join(s, ",")
}

// stranger refuses who did not sign in, and who belongs to a participant.
func (d *Desk) stranger(ctx context.Context, by schemas.Principal) error {
	if !by.SignedIn() {
		return policy.Needs(by, schemas.RoleTrainer, "join")
	}
	id, _, err := d.Parties.Member(ctx, by.Issuer, by.Subject)
	switch {
	case schemas.KindOf(err) == schemas.NotFound:
		return nil
	case err != nil:
		return err
	case by.Participant == "":
		return &schemas.Error{Kind: schemas.Conflict, Subject: "member",
			Message: fmt.Sprintf("you are a member of %s, for which your issuer may not speak, or your token names another organisation", id),
			Remedy:  "write to the operator, who says in the gateway's settings for whom an issuer speaks"}
	}
	return &schemas.Error{Kind: schemas.Conflict, Subject: "member",
		Message: fmt.Sprintf("your account belongs to %s already; one account belongs to one organisation", id),
		Remedy:  "sign in with another account, or have yourself removed from that organisation first"}
}

// check brings what is declared into its form. Ids are written in one way, so that none looks like another.
func (d *Desk) check(said *Declared) error {
	err := checkID(said.Organisation)
	if err != nil {
		return err
	}
	said.Name, said.Contact = strings.TrimSpace(schemas.Normal(said.Name)), strings.TrimSpace(said.Contact)
	if !strings.ContainsFunc(said.Name, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		return schemas.BadField("application", "/name", "the organisation has no name: write it with letters or digits")
	}
	if len(said.Contact) > maxContact || !schemas.IsLine(said.Contact) || !schemas.IsContact(said.Contact) {
		return schemas.BadField("application", "/contact",
			"%.100q is no address of mail or of the web at which the operator could reach you", said.Contact)
	}
	if !schemas.IsText(said.Word, maxWord) || !schemas.IsProse(said.Word) {
		return schemas.BadField("application", "/word", "a word to the operator has at most %d bytes, without control characters", maxWord)
	}
	if !slices.Contains(schemas.ParticipantKinds(), said.Kind) {
		return schemas.BadField("application", "/kind", "%q is no kind of organisation; there are %v", said.Kind, schemas.ParticipantKinds())
	}
	err = joining(said.Roles, "application")
	if err != nil {
		return err
	}
	p := schemas.Participant{ID: said.Organisation, Name: said.Name, Country: said.Country, Kind: said.Kind, Roles: said.Roles}
	return d.Parties.CheckParticipant(&p)
}

// joining refuses roles that nobody joins with, and none.
func joining(roles []schemas.Role, subject string) error {
	if len(roles) == 0 {
		return schemas.BadField(subject, "/roles", "say what the organisation wants to do: trainer, provider or both")
	}
	for i, r := range roles {
		if r != schemas.RoleTrainer && r != schemas.RoleProvider || slices.Contains(roles[:i], r) {
			return schemas.BadField(subject, fmt.Sprintf("/roles/%d", i), "%q is not asked for here: there are trainer and provider, each once", r)
		}
	}
	return nil
}

// checkID refuses ids that could be written in another way, or look like somebody else's.
func checkID(id schemas.ParticipantID) error {
	bad := func() error {
		return schemas.BadField("application", "/organisation",
			"%.200q does not name an organisation here: write its web address in lower-case letters, like https://acme.example, or its did", id)
	}
	s := string(id)
	odd := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"'<>\%`, r) }
	if !schemas.IsParticipantID(s) || len(s) > 400 || strings.ContainsFunc(s, odd) {
		return bad()
	}
	if strings.HasPrefix(s, "did:") {
		name, is := strings.CutPrefix(s, "did:web:")
		name, _, _ = strings.Cut(name, ":")
		if !didForm.MatchString(s) || is && !hostForm.MatchString(name) {
			return bad()
		}
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || !hostForm.MatchString(u.Host) || u.User != nil || strings.ContainsAny(s, "?#") ||
		strings.HasSuffix(s, "/") || u.Path != "" && u.Path != path.Clean(u.Path) {
		return bad()
	}
	return nil
}

// The forms of names: of a host in lower-case letters, with no port and no dot behind it; of a did, its method in
// lower-case letters [W3C DID §3.1], and without an empty part.
var (
	hostForm = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	didForm  = regexp.MustCompile(`^did:[a-z0-9]+(:[A-Za-z0-9._-]+)+$`)
)

// host is the name that an id has in the world: of a URL, or of a did:web.
func host(id schemas.ParticipantID) string {
	if rest, is := strings.CutPrefix(string(id), "did:web:"); is {
		name, _, _ := strings.Cut(rest, ":")
		return strings.ToLower(name)
	}
	u, err := url.Parse(string(id))
	if err != nil {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
}

// checked is what is known of an application's person beside what she declares.
func (d *Desk) checked(a *Application) Checked {
	c := Checked{Speaks: d.Speaks(a.By.Issuer, a.Declared.Organisation), Mail: "none"}
	if i := strings.LastIndexByte(a.By.Mail, '@'); i >= 0 {
		c.Mail = "other"
		if at := host(a.Declared.Organisation); at != "" && strings.EqualFold(a.By.Mail[i+1:], at) {
			c.Mail = "same"
		}
	}
	return c
}

// room refuses where one person, one issuer or all ask too much.
func (d *Desk) room(ctx context.Context, tx *db.Tx, p Person, now time.Time) error {
	var own, ofIssuer, all int
	err := tx.QueryRow(ctx, `SELECT count(*) FROM application WHERE person = ? AND asked > ?`, p.key(),
		now.Add(-24*time.Hour).UnixMicro()).Scan(&own)
	if err != nil {
		return fmt.Errorf("count a person's applications: %w", err)
	}
	err = tx.QueryRow(ctx, `SELECT count(*), coalesce(sum(CASE WHEN issuer = ? THEN 1 ELSE 0 END), 0) FROM application WHERE state = ?`,
		p.Issuer, Waiting).Scan(&all, &ofIssuer)
	if err != nil {
		return fmt.Errorf("count applications: %w", err)
	}
	if own >= mostInADay {
		return &schemas.Error{Kind: schemas.Busy, Subject: "application",
			Message: fmt.Sprintf("you asked %d times within a day, which is the most", own),
			Remedy:  "ask again tomorrow"}
	}
	if all >= MostWaiting || ofIssuer >= MostOfIssuer {
		return &schemas.Error{Kind: schemas.Busy, Subject: "application", Message: "too many applications wait for the operator",
			Remedy: "ask again in some days, or write to the operator"}
	}
	return nil
}

// Get gives an application to the person who asked, and to operators. Errors: NotFound.
func (d *Desk) Get(ctx context.Context, by schemas.Principal, id string) (Application, error) {
	if !by.SignedIn() {
		return Application{}, policy.Needs(by, schemas.RoleTrainer, "see applications")
	}
	a, revision, err := db.Get[Application](ctx, d.DB, "application", id)
	// One answer for those of others and for none: ids tell nothing.
	if err != nil || !by.Has(schemas.RoleOperator) && a.By.key() != person(by).key() {
		if err != nil && schemas.KindOf(err) != schemas.NotFound {
			return Application{}, err
		}
		return Application{}, schemas.Errorf(schemas.NotFound, id, "there is no application %s", id)
	}
	a.Revision = revision
	one := []Application{a}
	err = d.show(ctx, by, one)
	return one[0], err
}

// List gives applications in the order of their ids: all to operators, a person's own to her. state "" is any.
func (d *Desk) List(ctx context.Context, by schemas.Principal, state, after string, limit int) ([]Application, string, error) {
	if !by.SignedIn() {
		return nil, "", policy.Needs(by, schemas.RoleTrainer, "list applications")
	}
	var where []string
	var args []any
	if state != "" {
		if !slices.Contains([]string{Waiting, Confirmed, Refused, TakenBack}, state) {
			return nil, "", schemas.BadField("applications", "state", "%q is no state; there are waiting, confirmed, refused, withdrawn", state)
		}
		where, args = append(where, "state = ?"), append(args, state)
	}
	if !by.Has(schemas.RoleOperator) {
		where, args = append(where, "person = ?"), append(args, person(by).key())
	}
	rows, next, err := db.List[Application](ctx, d.DB, "application", strings.Join(where, " AND "), args, after, limit)
	if err != nil {
		return nil, "", err
	}
	out := make([]Application, len(rows))
	for i, r := range rows {
		out[i] = r.Doc
		out[i].Revision = r.Revision
	}
	return out, next, d.show(ctx, by, out)
}

// show completes applications for their reader: what was checked is asked anew until they are decided, and who
// else takes part, or asks, is for operators.
func (d *Desk) show(ctx context.Context, by schemas.Principal, list []Application) error {
	for i := range list {
		if list[i].State == Waiting {
			list[i].Checked = d.checked(&list[i])
		}
	}
	if !by.Has(schemas.RoleOperator) || !slices.ContainsFunc(list, func(a Application) bool { return a.State == Waiting }) {
		return nil
	}
	waiting, err := d.waiting(ctx, d.DB)
	if err != nil {
		return err
	}
	there := map[string][]schemas.ParticipantID{}
	for after, more := "", true; more; more = after != "" {
		var page []schemas.Participant
		page, after, err = d.Parties.Participants(ctx, after, 1000)
		if err != nil {
			return err
		}
		for i := range page {
			there[likeness(page[i].ID)] = append(there[likeness(page[i].ID)], page[i].ID)
		}
	}
	for i := range list {
		if a := &list[i]; a.State == Waiting {
			at := likeness(a.Declared.Organisation)
			a.Checked.Alike, a.Checked.Others = there[at], max(waiting[at]-1, 0)
		}
	}
	return nil
}

// likeness is what ids of one organisation have in common: their host, if they have one.
func likeness(id schemas.ParticipantID) string { return cmp.Or(host(id), string(id)) }

// waiting counts the applications that wait, which are bounded, by the likeness of their organisations.
func (d *Desk) waiting(ctx context.Context, q db.Querier) (map[string]int, error) {
	rows, _, err := db.List[Application](ctx, q, "application", "state = ?", []any{Waiting}, "", MostWaiting)
	out := map[string]int{}
	for i := range rows {
		out[likeness(rows[i].Doc.Declared.Organisation)]++
	}
	return out, err
}

// Standing is how somebody stands with joining.
type Standing struct {
	Application *Application `json:"application,omitempty" doc:"the newest of the caller's own"`
	Waiting     int          `json:"waiting,omitempty" doc:"for operators: how many applications wait"`
}

// Standing says how a caller stands. Errors: Unauthenticated.
func (d *Desk) Standing(ctx context.Context, by schemas.Principal) (Standing, error) {
	var s Standing
	if !by.SignedIn() {
		return s, policy.Needs(by, schemas.RoleTrainer, "join")
	}
	var id string
	err := d.DB.QueryRow(ctx, `SELECT id FROM application WHERE person = ? ORDER BY asked DESC, id LIMIT 1`, person(by).key()).Scan(&id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return s, fmt.Errorf("find a person's application: %w", err)
	}
	if id != "" {
		a, err := d.Get(ctx, by, id)
		if err != nil {
			return s, err
		}
		s.Application = &a
	}
	if by.Has(schemas.RoleOperator) {
		err = d.DB.QueryRow(ctx, `SELECT count(*) FROM application WHERE state = ?`, Waiting).Scan(&s.Waiting)
		if err != nil {
			return s, fmt.Errorf("count applications: %w", err)
		}
	}
	return s, nil
}
