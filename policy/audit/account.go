package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"guichet/connectors/db"
	"guichet/schemas"
)

// account is what a walk over records finds beside each record by itself: values that
// are missing though no erasure says so, and what the newest change about each noun
// that rules committed to.
type account struct {
	absent map[int64][]string // by record: names committed to, neither stored nor erased
	erased int64
	nouns  *Nouns
	before map[string]string   // by noun: the digest of its newest change below nouns.AsOf
	after  map[string][]string // and those of later changes
	plain  map[string]bool     // subjects of changes that commit to no noun
	given  map[string][2]int64 // by account of a budget: rows and bytes that it gave out, below nouns.AsOf
}

func newAccount(n *Nouns) *account {
	return &account{
		absent: map[int64][]string{}, nouns: n, before: map[string]string{}, after: map[string][]string{}, plain: map[string]bool{},
		given: map[string][2]int64{},
	}
}

// seen is one record of a walk. values holds those that opened.
type seen struct {
	index   int64
	kind    string
	values  map[string]string
	numbers map[string]int64
	missing []string // names committed to that are not stored
}

// Names of values that bind a record to what is stored: digests of nouns, and accounts of
// budgets, whose numbers have the same ending (account.2, used_rows.2).
const (
	digestPrefix  = "digest."
	accountPrefix = "account"
)

// see takes one record into the account, in the order of the record.
func (a *account) see(s seen) {
	if len(s.missing) > 0 {
		a.absent[s.index] = s.missing
	}
	if s.kind == schemas.ChangeErasure {
		a.erase(s)
	}
	if a.nouns == nil || s.kind == schemas.ChangeRefusal {
		return
	}
	bound := false
	for name, value := range s.values {
		// What an account gave out only grows, so the largest number that any change before
		// the nouns were read says of it is the least that it may hold.
		if of, ok := strings.CutPrefix(name, accountPrefix); ok && s.index < a.nouns.AsOf {
			had := a.given[value]
			a.given[value] = [2]int64{max(had[0], s.numbers["used_rows"+of]), max(had[1], s.numbers["used_bytes"+of])}
		}
		// "digest.offer" = "ds-1 ab12…" binds the change to the noun as it was written then.
		// The newest below AsOf must be the stored one; a later one may be already.
		table, ok := strings.CutPrefix(name, digestPrefix)
		at := strings.LastIndexByte(value, ' ')
		if !ok || at < 0 {
			continue
		}
		bound = true
		key := table + " " + value[:at]
		if s.index < a.nouns.AsOf {
			a.before[key] = value
		} else {
			a.after[key] = append(a.after[key], value)
		}
	}
	if of := s.values[db.SubjectValue]; !bound && of != "" {
		a.plain[of] = true
	}
}

// erase takes an erasure's names off the values that are missing.
func (a *account) erase(s seen) {
	// An erasure stands after what it erases, so that the gap is known by now. Names that it
	// says and that are not missing change nothing: it excuses, it does not accuse.
	n := s.numbers[erasedRecord]
	left := a.absent[n]
	for name := range strings.SplitSeq(s.values[erasedNames], ",") {
		if i := slices.Index(left, name); i >= 0 {
			left = slices.Delete(left, i, i+1)
			a.erased++
		}
	}
	a.absent[n] = left
}

// settle reports what is missing, and nouns that are not what was recorded.
func (a *account) settle(r *Report) {
	r.Erased = a.erased
	for _, i := range slices.Sorted(maps.Keys(a.absent)) {
		if names := a.absent[i]; len(names) > 0 {
			slices.Sort(names)
			r.bad(i, "missing without an erasure in the record: %s", strings.Join(names, ", "))
		}
	}
	if a.nouns == nil {
		return
	}
	have := make(map[string]bool, len(a.nouns.List))
	for _, n := range a.nouns.List {
		key := n.Table + " " + n.ID
		have[key] = true
		r.Nouns++
		if n.Table == accountPrefix {
			if was := a.given[n.ID]; n.Rows < was[0] || n.Bytes < was[1] {
				r.bad(-1, "the account %s says that %d rows and %d bytes were given out; recorded are %d and %d", n.ID, n.Rows, n.Bytes, was[0], was[1])
			}
			continue
		}
		if n.Digest == "" || a.before[key] == n.Digest || slices.Contains(a.after[key], n.Digest) {
			continue
		}
		// A noun that no change has bound was stored by a version that bound none; whose
		// changes do is held to them.
		switch {
		case a.before[key] != "" || a.after[key] != nil:
			r.bad(-1, "the %s %s is not stored as it was recorded", n.Table, n.ID)
		case slices.ContainsFunc(db.Subjects(n.Table, n.ID), func(s string) bool { return a.plain[s] }):
			r.Unbound++
		default:
			r.bad(-1, "the %s %s is in no record", n.Table, n.ID)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(a.given)) {
		if !have[accountPrefix+" "+id] {
			r.bad(-1, "the account %s was recorded and is stored no more", id)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(a.before)) {
		table, id, _ := strings.Cut(key, " ")
		if !have[key] && table != "lease" { // leases are forgotten a day after their end
			r.bad(-1, "the %s %s was recorded and is stored no more", table, id)
		}
	}
}

// Nouns are the stored nouns that rule, for a verification to hold against the record.
// Read them before the records.
type Nouns struct {
	AsOf int64 // records that there were when reading them began
	List []schemas.StoredNoun
}

// NounPage is one page of the stored nouns that rule.
type NounPage struct {
	AsOf  int64                `json:"as_of"          doc:"records that there were before this page was read"`
	Items []schemas.StoredNoun `json:"items"`
	Next  string               `json:"next,omitempty"`
}

// Nouns lists the stored nouns that rule, with the digests of what is stored now. cursor
// is "" at first, then the page's Next. Invalid: a cursor of somebody else's making.
func (l *Log) Nouns(ctx context.Context, cursor string, limit int) (NounPage, error) {
	return nounPage(ctx, l.db, cursor, limit)
}

// nounPage lists the stored nouns that rule, a table after the other, each with the head
// of the record at that moment: a later record may change a noun that was listed before.
func nounPage(ctx context.Context, database *db.DB, cursor string, limit int) (NounPage, error) {
	tables := append(db.RulingTables(), "version", accountPrefix)
	p := NounPage{Items: []schemas.StoredNoun{}}
	var err error
	p.AsOf, err = database.Head(ctx)
	if err != nil {
		return p, err
	}
	table, after := tables[0], ""
	if cursor != "" {
		table, after, _ = strings.Cut(cursor, " ")
	}
	i := slices.Index(tables, table)
	if i < 0 {
		return p, schemas.BadField("nouns", "cursor", "this is not a cursor of this list; take next as it came")
	}
	items, next, err := db.StoredNouns(ctx, database, table, after, limit)
	if err != nil {
		return p, err
	}
	p.Items = append(p.Items, items...)
	// The tables one after another: a page never mixes two, and a cursor names its own.
	switch {
	case next != "":
		p.Next = table + " " + next
	case i+1 < len(tables):
		p.Next = tables[i+1] + " "
	}
	return p, nil
}

// allNouns reads every page.
func allNouns(ctx context.Context, db *db.DB) (*Nouns, error) {
	n := &Nouns{AsOf: -1}
	for cursor := ""; ; {
		p, err := nounPage(ctx, db, cursor, walkPage)
		if err != nil {
			return nil, fmt.Errorf("verify: %w", err)
		}
		if n.AsOf < 0 {
			n.AsOf = p.AsOf
		}
		n.List = append(n.List, p.Items...)
		cursor = p.Next
		if cursor == "" {
			return n, nil
		}
	}
}
