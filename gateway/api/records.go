package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"guichet/policy"
	"guichet/policy/audit"
	"guichet/schemas"
)

// recordQuery says which records, and whether only somebody who sees every record is to be
// answered.
type recordQuery struct {
	Caller
	Cursor      string    `query:"cursor" doc:"index of the first record to look at; newest first, of the one before it"`
	Order       string    `query:"order" enum:"oldest,newest" default:"oldest" doc:"which comes first"`
	Limit       int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Whole       bool      `query:"whole" doc:"refuse callers who do not see every record: who verifies the whole record asks for it, so that a part never looks like a record with holes"`
	Kind        string    `query:"kind" doc:"alternatives separated by commas"`
	Dataset     string    `query:"dataset"`
	Participant string    `query:"participant"`
	Project     string    `query:"project"`
	Agreement   string    `query:"agreement"`
	Run         string    `query:"run"`
	From        time.Time `query:"from"`
	To          time.Time `query:"to"`
}

// query is the audit query that a caller may make: officers every record, others
// those about themselves, which are those that they provide, receive or did.
func (in *recordQuery) query() (audit.Query, error) {
	q := audit.Query{From: in.From, To: in.To, Limit: in.Limit, Newest: in.Order == "newest", Values: map[string]string{}}
	if in.Kind != "" {
		q.Kinds = strings.Split(in.Kind, ",")
		for _, k := range q.Kinds {
			if !slices.Contains(schemas.ChangeKinds(), k) {
				return q, schemas.BadField("records", "kind", "%q is not a kind of record; there are %s", k, strings.Join(schemas.ChangeKinds(), ", "))
			}
		}
	}
	if !in.From.IsZero() && !in.To.IsZero() && in.From.After(in.To) {
		return q, schemas.BadField("records", "from", "from %s is after to %s", in.From.Format(time.RFC3339), in.To.Format(time.RFC3339))
	}
	for name, v := range map[string]string{"dataset": in.Dataset, "participant": in.Participant, "project": in.Project,
		"agreement": in.Agreement, "run": in.Run} {
		if v != "" {
			q.Values[name] = v
		}
	}
	if in.Cursor != "" {
		n, err := strconv.ParseInt(in.Cursor, 10, 64)
		if err != nil || n < 0 || q.Newest && n == 0 { // below the first there is nothing
			return q, schemas.BadField("records", "cursor", "this is not a valid cursor; take next as it came")
		}
		if q.Newest {
			q.At = n
		} else {
			q.After = n
		}
	}
	switch {
	case in.by.Has(schemas.RoleOfficer):
	case in.by.Participant != "":
		q.About = string(in.by.Participant)
	default:
		return q, policy.Needs(in.by, schemas.RoleOfficer, "read the record")
	}
	return q, nil
}

// next is the cursor of what follows; "" where nothing does.
func (in *recordQuery) next(r []schemas.Record) string {
	if len(r) < in.Limit {
		return ""
	}
	last := r[len(r)-1].Index
	switch {
	case in.Order != "newest":
		last++
	case last == 0:
		return ""
	}
	return strconv.FormatInt(last, 10)
}

// recordIndex names a record by its position.
type recordIndex struct {
	Caller
	Index int64 `path:"index" minimum:"0"`
}

// plainText is an answer that is text: keys, checkpoints, proofs.
type plainText struct {
	ContentType  string `header:"Content-Type"`
	CacheControl string `header:"Cache-Control"`
	Body         []byte
}

// Consistency is a proof that one record begins with another.
type Consistency struct {
	From   int64    `json:"from"`
	To     int64    `json:"to"`
	Hashes [][]byte `json:"hashes" doc:"base64, in the order of RFC 6962 §2.1.2"`
}

// Erasure says which values of a record are to be erased, and why.
type Erasure struct {
	Names  []string `json:"names" minItems:"1" maxItems:"64" doc:"names of values"`
	Reason string   `json:"reason" minLength:"3" maxLength:"2000"`
}

// Erased is what an erasure did.
type Erased struct {
	Record int64    `json:"record"`
	Names  []string `json:"names"`
	Entry  int64    `json:"entry" doc:"index of the erasure's own record"`
}

func text(b []byte) *plainText {
	return &plainText{ContentType: "text/plain; charset=utf-8", CacheControl: "no-store", Body: b}
}

// records are what compliance officers read; everyone else reads the part that is about
// them.
func (s *server) records(a huma.API) {
	op(s, a, operation{http.MethodGet, "/audit/records", "list-records", "record",
		"The record: all for officers, one's own for others"}, func(ctx context.Context, in *recordQuery) (*List[schemas.Record], error) {
		if in.Whole {
			err := policy.Needs(in.by, schemas.RoleOfficer, "verify the whole record")
			if err != nil {
				return nil, err
			}
		}
		q, err := in.query()
		if err != nil {
			return nil, err
		}
		r, err := s.Record.Records(ctx, q)
		if err == nil && len(r) == 0 && in.Cursor == "" {
			err = s.Known(ctx, in.by, q)
		}
		for i := range r {
			r[i] = policy.ShownRecord(in.by, r[i])
		}
		return listOf(r, in.next(r)), err
	})
	op(s, a, operation{http.MethodGet, "/audit/checkpoint", "get-checkpoint", "record",
		"The signed head of the log [C2SP tlog-checkpoint]"}, func(ctx context.Context, _ *struct{ Caller }) (*plainText, error) {
		c, err := s.Record.Checkpoint(ctx)
		return text(c), err
	})
	op(s, a, operation{http.MethodGet, "/audit/key", "get-key", "record",
		"The log's public key, as verifiers take it [C2SP signed-note]"}, func(context.Context, *struct{ Caller }) (*plainText, error) {
		return text([]byte(s.Record.VKey() + "\n")), nil
	})
	op(s, a, operation{http.MethodGet, "/audit/consistency", "get-consistency", "record",
		"Proof that the record of one size begins with the record of another [RFC 6962 §2.1.2]"}, func(ctx context.Context, in *struct {
		Caller
		From int64 `query:"from" minimum:"1" required:"true" doc:"size of the older checkpoint"`
		To   int64 `query:"to" minimum:"1" required:"true" doc:"size of the newer one"`
	}) (*One[Consistency], error) {
		hashes, err := s.Record.Consistency(ctx, in.From, in.To)
		c := Consistency{From: in.From, To: in.To, Hashes: make([][]byte, len(hashes))}
		for i := range hashes {
			c.Hashes[i] = hashes[i][:]
		}
		return one(c, 0), err
	})
	op(s, a, operation{http.MethodGet, "/audit/nouns", "list-nouns", "record",
		"Digests of the stored nouns that rule, to be held against the record: officers only"}, func(ctx context.Context, in *struct {
		Caller
		Cursor string `query:"cursor"`
		Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"1000"`
	}) (*One[audit.NounPage], error) {
		err := policy.Needs(in.by, schemas.RoleOfficer, "verify the whole record")
		if err != nil {
			return nil, err
		}
		p, err := s.Record.Nouns(ctx, in.Cursor, in.Limit)
		return one(p, 0), err
	})
	op(s, a, operation{http.MethodPost, "/audit/records/{index}/erase", "erase-values", "record",
		"Erase values of a record, as the law may demand for personal data; an entry of its own says so"}, func(ctx context.Context, in *struct {
		Caller
		Index int64 `path:"index" minimum:"0"`
		Body  Erasure
	}) (*One[Erased], error) {
		err := policy.Needs(in.by, schemas.RoleOfficer, "erase values of a record")
		if err != nil {
			return nil, err
		}
		at, err := s.Record.Erase(ctx, in.by, in.Index, in.Body.Names, in.Body.Reason)
		return one(Erased{Record: in.Index, Names: in.Body.Names, Entry: at}, 0), err
	})
	op(s, a, operation{http.MethodGet, "/audit/proofs/{index}", "get-proof", "record",
		"Proof that a record is in the log [C2SP tlog-proof]"}, func(ctx context.Context, in *recordIndex) (*plainText, error) {
		err := s.mayProve(ctx, in)
		if err != nil {
			return nil, err
		}
		p, err := s.Record.Proof(ctx, in.Index)
		return text(p), err
	})
}

// Known says to those who may see all that what they filter by does not exist: no
// record about it would read as "nothing happened". Errors: NotFound.
func (d Deps) Known(ctx context.Context, by schemas.Principal, q audit.Query) error {
	if !policy.SightOf(by).All {
		return nil
	}
	for name, find := range map[string]func(id string) error{
		"dataset": func(id string) error {
			_, err := d.Catalog.Get(ctx, policy.SightOf(by), schemas.DatasetID(id))
			return err
		},
		"participant": func(id string) error {
			_, err := d.Parties.Participant(ctx, schemas.ParticipantID(id))
			return err
		},
		"project":   func(id string) error { _, err := d.Parties.Project(ctx, schemas.ProjectID(id)); return err },
		"agreement": func(id string) error { _, err := d.Agreements.Get(ctx, by, schemas.AgreementID(id)); return err },
		"run":       func(id string) error { _, err := d.Runs.Get(ctx, by, schemas.RunID(id)); return err },
	} {
		if q.Values[name] == "" {
			continue
		}
		err := find(q.Values[name])
		if err != nil {
			return err
		}
	}
	return nil
}

// mayProve lets officers prove every record and others their own.
func (s *server) mayProve(ctx context.Context, in *recordIndex) error {
	if in.by.Has(schemas.RoleOfficer) {
		return nil
	}
	if in.by.Participant == "" {
		return policy.Needs(in.by, schemas.RoleOfficer, "prove a record")
	}
	r, err := s.Record.Records(ctx, audit.Query{After: in.Index, Limit: 1})
	if err != nil {
		return err
	}
	if len(r) == 0 || r[0].Index != in.Index || !audit.IsAbout(r[0], string(in.by.Participant)) {
		return schemas.Errorf(schemas.NotFound, strconv.FormatInt(in.Index, 10), "you have no record %d", in.Index)
	}
	return nil
}

// ExportQuery is the audit query of an export, as it may be made by a caller: every
// record for officers, one's own for others. Errors: Unauthenticated, Denied, Invalid.
func ExportQuery(by schemas.Principal, get func(string) string) (audit.Query, error) {
	in := recordQuery{
		Caller: Caller{by: by}, Kind: get("kind"), Dataset: get("dataset"), Participant: get("participant"), Project: get("project"),
		Agreement: get("agreement"), Run: get("run"),
	}
	for _, t := range []struct {
		name string
		into *time.Time
	}{{"from", &in.From}, {"to", &in.To}} {
		if get(t.name) == "" {
			continue
		}
		var err error
		*t.into, err = time.Parse(time.RFC3339, get(t.name))
		if err != nil {
			return audit.Query{}, schemas.BadField("records", t.name, "%q is not an instant (RFC 3339)", get(t.name))
		}
	}
	return in.query()
}
