package throughput

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement/agreementtest"
	"guichet/schemas"
)

// Who used what for what: of datasets, agreements and runs, as the caller may read sums; a run's name and outputs go to
// partners of its project and who oversees the site alone.
func TestLineage(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		s, w, own, shared := made(t, database)
		_, err := s.Runs.AddOutput(t.Context(), agreementtest.Trainer(), "run-a", schemas.Output{Kind: "model", Name: "weights", Digest: "sha256:00"})
		agreementtest.Must(t, err)
		partner := agreementtest.Person("sue", second, schemas.RoleTrainer)
		stranger := agreementtest.Person("eve", other, schemas.RoleTrainer, schemas.RoleProvider)
		w.Join(t, stranger)
		names := map[schemas.AgreementID]string{own: "own", shared: "shared"}
		told := func(l Lineage) (out []string) {
			for _, u := range l.Uses {
				line := fmt.Sprintf("%s %s %s for %s of %s until %s: %d rows", u.Dataset, names[u.Agreement], u.Run, u.Purpose, u.Project,
					u.Last.Format("2 Jan"), u.Rows)
				if u.AtMost != nil {
					line += fmt.Sprintf(", at most %d", u.AtMost.Rows)
				}
				for _, o := range u.Outputs {
					line += ", made " + o.Name
				}
				if u.MayRead {
					line += ", open"
				}
				out = append(out, line)
			}
			slices.Sort(out) // those of one day stand by ids that are chance
			if l.LeftOut > 0 {
				out = append(out, fmt.Sprintf("%d left out", l.LeftOut))
			}
			return out
		}
		const (
			lab  = "ds-0 own run-a for train-model of p until 10 Mar: 11 rows"
			both = "ds-1 shared run-a for train-model of p until 9 Mar: 0 rows, at most 16"
			past = "ds-1 shared run-b for train-model of p until 29 Jan: 32 rows"
			made = ", made weights, open"
		)
		for _, c := range []struct {
			name string
			by   schemas.Principal
			q    Query
			most int
			want []string
		}{
			{"an officer, of a dataset", agreementtest.Officer(), Query{Dataset: "ds-1"}, 9, []string{both + made, past + ", open"}},
			{"an officer, of one", agreementtest.Officer(), Query{Dataset: "ds-1"}, 1, []string{both + made, "1 left out"}},
			{"the provider, of a dataset", agreementtest.Owner(), Query{Dataset: "ds-1"}, 9, []string{both, past}},
			{"the provider, of an agreement", agreementtest.Owner(), Query{Agreement: own}, 9, []string{lab}},
			{"the lead, of a run", agreementtest.Trainer(), Query{Run: "run-a"}, 9, []string{lab + made, both + made}},
			{"a partner, of a run", partner, Query{Run: "run-a"}, 9, []string{"ds-0 own run-a for  of p until 9 Mar: 8 rows" + made, both + made}},
			{"a partner, of what is shared", partner, Query{Agreement: shared}, 9, []string{both + made, past + ", open"}},
			{"a stranger, of a dataset", stranger, Query{Dataset: "ds-0"}, 9, nil},
			{"of none", agreementtest.Officer(), Query{Dataset: "ds-9"}, 9, nil},
		} {
			got, err := s.Lineage(t.Context(), c.by, c.q, c.most)
			if d := cmp.Diff(c.want, told(got)); d != "" || err != nil {
				t.Errorf("%s: %v (-want +got):\n%s", c.name, err, d)
			}
		}
		for _, c := range []struct {
			name string
			by   schemas.Principal
			q    Query
			kind schemas.Kind
			text string
		}{
			{"nobody", schemas.Principal{}, Query{Dataset: "ds-0"}, schemas.Unauthenticated, "this needs a signed-in caller"},
			{"of everything", agreementtest.Officer(), Query{Project: "p"}, schemas.Invalid, "name a dataset, an agreement or a run"},
			{"a stranger, of an agreement", stranger, Query{Agreement: own}, schemas.NotFound, "there is no agreement"},
			{"the provider, of a run", agreementtest.Owner(), Query{Run: "run-a"}, schemas.NotFound, "there is no run run-a"},
		} {
			_, err := s.Lineage(t.Context(), c.by, c.q, 9)
			agreementtest.Refused(t, c.name, err, c.kind, c.text)
		}
	})
}
