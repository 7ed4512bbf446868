package agreement

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"guichet/connectors/db"
	"guichet/policy"
	"guichet/schemas"
)

// Basis is what a decision was made on: the nouns that it read, with the revisions that
// they had. Deciding takes its time outside of the transaction that concludes; there the
// basis is looked at again, and what was decided on other terms is decided anew.
type Basis policy.Read

// unsteady is the revision of a noun that changed while it was read.
const unsteady = -1

// Note notes that a noun was read; revision 0 is that there is none.
func (b Basis) Note(table, id string, revision int64) {
	if id == "" {
		return
	}
	n := policy.Noun{Table: table, ID: id}
	if have, twice := b[n]; twice && have != revision {
		revision = unsteady
	}
	b[n] = revision
}

// NoteAttributes notes what was read of the attributes of a participant.
func (b Basis) NoteAttributes(who schemas.ParticipantID, f policy.Attributes) {
	b.Note("participant", string(who), f.Participant.Revision)
	b.Note("project", string(f.Project.ID), f.Project.Revision)
	b.Note("factory", string(f.Factory.ID), f.Factory.Revision)
}

// Moved says that a noun is not any more what a decision read.
type Moved struct{ policy.Noun }

// Error names what moved, for the log.
func (m *Moved) Error() string { return m.Table + " " + m.ID + " has changed meanwhile" }

// Check reads the revisions again: nil, or moved. A noun that is gone has revision 0. One
// statement looks at one noun of each table, so that their texts are few and stay prepared:
// most decisions and all streams need a single one.
func (b Basis) Check(ctx context.Context, tx *db.Tx) error {
	nouns := slices.SortedFunc(maps.Keys(b), func(a, b policy.Noun) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.ID, b.ID))
	})
	for len(nouns) > 0 {
		var now, later []policy.Noun
		for _, n := range nouns {
			if len(now) > 0 && now[len(now)-1].Table == n.Table {
				later = append(later, n)
			} else {
				now = append(now, n)
			}
		}
		revisions, err := revisionsOf(ctx, tx, now)
		if err != nil {
			return err
		}
		for i, n := range now {
			if revisions[i].Int64 != b[n] {
				return &Moved{n}
			}
		}
		nouns = later
	}
	return nil
}

// revisionsOf reads the revisions of nouns in one statement, in their order.
func revisionsOf(ctx context.Context, tx *db.Tx, nouns []policy.Noun) ([]sql.NullInt64, error) {
	one, ids, into := make([]string, len(nouns)), make([]any, len(nouns)), make([]any, len(nouns))
	out := make([]sql.NullInt64, len(nouns))
	for i, n := range nouns {
		one[i] = "(SELECT revision FROM " + n.Table + " WHERE id = ?)" // tables are named in this package alone
		ids[i], into[i] = n.ID, &out[i]
	}
	err := tx.QueryRow(ctx, "SELECT "+strings.Join(one, ", "), ids...).Scan(into...)
	if err != nil {
		return nil, fmt.Errorf("look again at what was decided on: %w", err)
	}
	return out, nil
}

// attempts is how often a decision is made anew before the caller is told to.
const attempts = 4

// Settle makes a decision and stores it, if what it was made on still stands then. judge
// gives what is to be written; it is called anew with another basis where something moved.
// Errors: those of judge and of what it gives, Conflict when the terms do not come to rest.
func (s *Agreements) Settle(
	ctx context.Context, subject string, judge func(b Basis) (write func(ctx context.Context, tx *db.Tx) error, err error),
) error {
	for try := 1; ; try++ {
		b := Basis{}
		write, err := judge(b)
		if err != nil {
			return err
		}
		if s.judged != nil {
			s.judged()
		}
		// A dataset's offer has revision 4 when the request is judged, and 5 when it would be
		// granted: it is judged once more, on 5. What it was judged on by then stands in b.
		err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			err := b.Check(ctx, tx)
			if err != nil {
				return err
			}
			return write(ctx, tx)
		})
		if _, again := errors.AsType[*Moved](err); !again {
			return err
		}
		if try == attempts {
			return ChangedMeanwhile(subject, err)
		}
	}
}

// ChangedMeanwhile is what a caller is told when the terms did not come to rest.
func ChangedMeanwhile(subject string, cause error) error {
	return &schemas.Error{
		Kind: schemas.Conflict, Subject: subject, Message: "the terms changed meanwhile",
		Remedy: "send it again: it is judged by what holds by then", Err: cause,
	}
}
