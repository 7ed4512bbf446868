package report

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/policy/audit"
	"guichet/policy/turn"
	"guichet/schemas"
)

// Reports makes reports. Safe for concurrent use.
type Reports struct {
	db     *db.DB
	record *audit.Log
	turns  *turn.Turns
	most   time.Duration // that a caller waits for her turn
}

// Bounds of the reports that are made: each may read millions of records.
const (
	atOnce   = 2 // of one caller one
	mostTime = 2 * time.Minute
	mostWait = 10 * time.Second
)

// New makes Reports of a record.
func New(database *db.DB, record *audit.Log) *Reports {
	return &Reports{database, record, turn.New(atOnce), mostWait}
}

// Parameter is one of a report's.
type Parameter struct {
	Name     string `json:"name"`
	Says     string `json:"says"`
	Required bool   `json:"required,omitempty"`
}

// Kind is a report that there is.
type Kind struct {
	Name       string      `json:"name"`
	Title      string      `json:"title"`
	Says       string      `json:"says"`
	Parameters []Parameter `json:"parameters"`
	Officers   bool        `json:"officers,omitempty"` // only they; else everybody, of what concerns them
	Beside     bool        `json:"beside,omitempty"`   // it has tables of what the catalogue says now, where they are asked for
	make       func(m *making) error
}

// what parameters mean, in every report.
func parameter(name string, required bool) Parameter {
	return Parameter{name, map[string]string{
		"dataset": "id of a dataset", "project": "id of a project", "run": "id of a run",
		"model": "digest of a model, as a run names it: sha256: and 64 hex digits",
		"from":  "first day, or instant (RFC 3339)", "to": "day or instant before which it ends",
		"size": "how many releases are drawn, 1 to 1000", "seed": "any text: the same one draws the same releases",
	}[name], required}
}

// Kinds lists the reports that there are.
func Kinds() []Kind {
	need := func(names ...string) (out []Parameter) {
		for _, n := range names {
			out = append(out, parameter(n, true))
		}
		return out
	}
	may := func(given []Parameter, names ...string) []Parameter {
		for _, n := range names {
			given = append(given, parameter(n, false))
		}
		return given
	}
	return []Kind{
		{"uses", "Uses of a dataset", "Who used a dataset, for which project and purpose, under which agreement, how much and when.",
			may(need("dataset"), "from", "to"), false, false, uses},
		{"permits", "Register of permits", "The agreements that were made: applicant, purpose, dataset, dates and state (EHDS art. 57 and 68).",
			may(nil, "dataset", "project", "from", "to"), false, true, permits},
		{"project", "Follow-up of a project", "What a project asked for, how long it waited, what it was granted, what it read month by month, " +
			"and what came out.", may(need("project"), "from", "to"), false, false, project},
		{"training", "What a model was trained on", "The data that went into a run, or into the runs of a model: the known part of the public " +
			"summary of the AI Act, art. 53(1)(d).", may(nil, "run", "model"), false, true, training},
		{"processing", "Record of processing", "Processing by purpose, controller and recipient (GDPR art. 30).",
			may(nil, "from", "to"), true, true, processing},
		{"refusals", "Refusals by rule", "How often each rule refused something; no persons.", may(nil, "from", "to"), true, false, refusals},
		{"demand", "Demand", "What was asked for, granted and refused, and why, by dataset and purpose; no persons, no small groups.",
			may(nil, "from", "to"), true, true, demand},
		{"sample", "Sample of releases", "Releases drawn at random for an audit: seed and checkpoint draw the same ones again.",
			may(need("size", "seed"), "from", "to"), true, false, sample},
	}
}

// KindOf finds one by its name. Errors: NotFound.
func KindOf(name string) (Kind, error) {
	for _, k := range Kinds() {
		if k.Name == name {
			return k, nil
		}
	}
	return Kind{}, schemas.Errorf(schemas.NotFound, name, "there is no report %.60q; GET /reports lists those that there are", name)
}

// Ask is what a report is made of.
type Ask struct {
	Name       string
	Parameters map[string]string
	At         int64 // size of the record; 0: now
	// Dataset describes a dataset as it is now, for who asks; nil: no such tables are wanted.
	Dataset func(ctx context.Context, id schemas.DatasetID) (schemas.Dataset, error)
	// Sought lists what was looked for and not found, the most sought first; nil as Dataset.
	Sought func(ctx context.Context) ([]Sought, error)
}

// Sought is words that several seekers looked for and did not find: counted beside the record, without persons.
type Sought struct {
	Words, Space string
	Year, Month  int64  // how often: of each seeker once a day
	Last         string // day
}

// making is a report that is being made.
type making struct {
	ctx    context.Context //nolint:containedctx // of one call
	db     *db.DB
	kind   Kind
	ask    Ask
	query  audit.Query // what every read of the report keeps to
	until  time.Time   // of the record's last entry: now, to the report
	doc    *Document
	stands []int64
}

// Query is what a report keeps to, for who has to know whether what it names is there.
func (a Ask) Query() audit.Query {
	q := audit.Query{At: a.At, Values: map[string]string{}}
	for _, name := range []string{"dataset", "project", "run"} {
		if v := a.Parameters[name]; v != "" {
			q.Values[name] = v
		}
	}
	return q
}

// Make makes a report for a caller. Errors: NotFound: no such report; Invalid: its parameters; Unauthenticated
// and Denied; Busy; TooLarge; those of the record.
func (s *Reports) Make(ctx context.Context, by schemas.Principal, ask Ask) (*Document, error) {
	m, err := s.begin(ctx, by, ask)
	if err != nil {
		return nil, err
	}
	wait, stop := context.WithTimeout(ctx, s.most)
	done, err := s.turns.Take(wait, by)
	stop()
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, &schemas.Error{Kind: schemas.Busy, Subject: "report", Remedy: "ask again in a while",
			Message: fmt.Sprintf("%d reports are being made already, or one of yours: each caller has one at a time", atOnce)}
	}
	defer done()
	note, head, err := s.record.HeadAt(ctx, ask.At)
	if schemas.KindOf(err) == schemas.Invalid {
		return nil, schemas.BadField("report", "at", "no head of %d records was signed yet", ask.At)
	}
	if err != nil {
		return nil, err
	}
	last, err := s.record.Records(ctx, audit.Query{After: head.Size - 1, Limit: 1})
	if err != nil || len(last) == 0 {
		return nil, fmt.Errorf("read the last record: %w", err)
	}
	m.query.At, m.until = head.Size, last[0].At
	m.doc.Checkpoint = Checkpoint{head.Origin, head.Size, base64.StdEncoding.EncodeToString(head.Root[:]), string(note),
		last[0].At.Format(time.RFC3339Nano)}
	var end context.CancelFunc
	m.ctx, end = context.WithTimeout(ctx, mostTime)
	defer end()
	err = m.kind.make(m)
	if err != nil && ctx.Err() == nil && m.ctx.Err() != nil {
		return nil, &schemas.Error{Kind: schemas.TooLarge, Subject: "report", Remedy: "name days: from and to", Err: err,
			Message: fmt.Sprintf("the report takes longer than %s", mostTime)}
	}
	if err != nil {
		return nil, err
	}
	m.doc.Records = stand(m.stands)
	if len(m.query.Values) > 0 && m.doc.Records.Count == 0 {
		m.doc.Notes = append(m.doc.Notes, "The record names nothing of this: see whether the id is right.")
	}
	return m.doc, nil
}

// begin says whether the caller may have a report with these parameters.
func (s *Reports) begin(ctx context.Context, by schemas.Principal, ask Ask) (*making, error) {
	k, err := KindOf(ask.Name)
	if err != nil {
		return nil, err
	}
	m := &making{ctx: ctx, db: s.db, kind: k, ask: ask, query: ask.Query()}
	m.doc = &Document{Report: k.Name, Title: k.Title, Says: k.Says, Parameters: []Argument{}, Prompts: promptsOf(k.Name)}
	switch {
	case by.Has(schemas.RoleOfficer):
	case k.Officers || by.Participant == "":
		return nil, policy.Needs(by, schemas.RoleOfficer, "read the report "+k.Name)
	default:
		m.query.About, m.doc.For = string(by.Participant), string(by.Participant)
	}
	for name := range ask.Parameters {
		if !slices.ContainsFunc(k.Parameters, func(p Parameter) bool { return p.Name == name }) {
			return nil, schemas.BadField("report", name, "the report %s has no parameter %.60q", k.Name, name)
		}
	}
	for _, p := range k.Parameters {
		v := ask.Parameters[p.Name]
		if v == "" && p.Required {
			return nil, schemas.BadField("report", p.Name, "the report %s needs it: %s", k.Name, p.Says)
		}
		if v == "" {
			continue
		}
		if !schemas.IsText(v, 512) {
			return nil, schemas.BadField("report", p.Name, "this is more than 512 bytes, or no text")
		}
		m.doc.Parameters = append(m.doc.Parameters, Argument{p.Name, v})
	}
	m.query.From, err = instant("from", ask.Parameters["from"])
	if err == nil {
		m.query.To, err = instant("to", ask.Parameters["to"])
	}
	if err == nil && !m.query.From.IsZero() && !m.query.To.IsZero() && m.query.From.After(m.query.To) {
		err = schemas.BadField("report", "from", "from is after to")
	}
	return m, err
}

// instant reads a day, which begins at midnight UTC, or an instant.
func instant(name, said string) (time.Time, error) {
	if said == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		t, err := time.Parse(layout, said)
		if err == nil {
			return t, nil
		}
	}
	return time.Time{}, schemas.BadField("report", name, "%.40q is not a day; write 2026-11-25 or 2026-11-25T08:00:00Z", said)
}

// each reads records of the report: those that q chooses. What it tells is among those the report stands on.
func (m *making) each(q audit.Query, w wanted, f func(r *record) error) error {
	return each(m.ctx, m.db, q, w, func(r *record) error {
		m.stands = append(m.stands, r.index)
		return f(r)
	})
}

// mostRanges bounds those that are told one by one.
const mostRanges = 1000

// stand tells indices as ranges.
func stand(at []int64) Stands {
	slices.Sort(at)
	at = slices.Compact(at)
	out := Stands{Count: int64(len(at)), Ranges: [][2]int64{}}
	h := sha256.New()
	var b []byte
	last := int64(-2)
	for _, n := range at {
		b = append(strconv.AppendInt(b[:0], n, 10), '\n')
		h.Write(b)
		switch {
		case n == last+1 && out.LeftOut == 0:
			out.Ranges[len(out.Ranges)-1][1] = n
		case n == last+1:
		case len(out.Ranges) == mostRanges:
			out.LeftOut++
		default:
			out.Ranges = append(out.Ranges, [2]int64{n, n})
		}
		last = n
	}
	out.Digest = hex.EncodeToString(h.Sum(nil))
	return out
}
