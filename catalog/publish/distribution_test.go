package publish

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"guichet/catalog"
	"guichet/catalog/publish/distribution"
	"guichet/connectors/db"
	"guichet/schemas"
	"guichet/schemas/values"
)

// plots is a table of 200 rows as CSV, and its description: a yield, a crop, who farms, an id.
func plots() (string, schemas.TableInfo) {
	var b strings.Builder
	b.WriteString("yield,crop,farmer,plot,sown\n")
	for i := range 200 {
		fmt.Fprintf(&b, "%d.5,%s,Ann %d,p%d,%s\n", i%10, []string{"wheat", "rye"}[i%2], i, i, []string{"2020-03-01", "2021-04-02"}[i%2])
	}
	return b.String(), schemas.TableInfo{Name: "plots", Fields: []schemas.Field{{Name: "farmer", Type: "text", Sensitivity: schemas.SensitivityIdentifies}}}
}

// told is what somebody is told now of a version of one of agronomy's.
func (l *lab) told(id schemas.DatasetID, version schemas.VersionID) (shown string, left map[string]values.Why) {
	l.t.Helper()
	d, err := l.Catalog.Dataset(l.t.Context(), l.db, id)
	must(l.t, err)
	v, err := l.Catalog.Version(l.t.Context(), id, version)
	must(l.t, err)
	x, err := distribution.Get(l.t.Context(), l.Catalog, &d, &v)
	must(l.t, err)
	var names []string
	for _, c := range x.Columns {
		names = append(names, c.Column)
	}
	left = map[string]values.Why{}
	for _, c := range x.LeftOut {
		left[c.Column] = c.Why
	}
	return strings.Join(names, " "), left
}

// offers sets terms of one rule with duties.
func (l *lab) offers(id schemas.DatasetID, duties ...schemas.Duty) {
	l.t.Helper()
	d, err := l.Catalog.Dataset(l.t.Context(), l.db, id)
	must(l.t, err)
	_, err = l.Catalog.PutOffer(l.t.Context(), agronomy, id,
		schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}, Duties: duties}}}, d.Revision)
	must(l.t, err)
}

// TestDistributions: they are counted where the provider consents, of what is not kept from anybody;
// what she keeps later is told no more, and nothing is once she takes the consent or the version back.
func TestDistributions(t *testing.T) {
	l := newLab(t).run()
	csv, info := plots()
	id := l.dataset(info)
	l.put("a.csv", csv)
	p := of("v1", "a.csv")
	p.Distributions = []string{"*"}
	v := l.published(id, p)
	if v.State != schemas.VersionPublished || !strings.Contains(said(v.Notes), "plots/farmer: no distribution of its values is shown: it is said to be about persons") {
		t.Fatalf("%s\n%s\n%s", v.State, said(v.Failures), said(v.Notes))
	}
	if shown, left := l.told(id, "v1"); shown != "" || left["yield"] != values.LeftNoTerms || left["farmer"] != values.LeftSensitive {
		t.Errorf("without terms %q is told: %v", shown, left)
	}
	l.offers(id)
	shown, left := l.told(id, "v1")
	if shown != "yield crop sown" || left["farmer"] != values.LeftSensitive || left["plot"] != values.LeftVarious {
		t.Errorf("%q is told: %v", shown, left)
	}
	for _, x := range []struct {
		duty schemas.Duty
		want string
		why  values.Why
	}{
		{schemas.Duty{Kind: schemas.DutyHide, Columns: []string{"Yield"}}, "crop sown", values.LeftHidden},
		{schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"yield"}, Table: "plots"}, "crop sown", values.LeftChanged},
		{schemas.Duty{Kind: schemas.DutyGeneralise, Columns: []string{"yield"}, To: "10"}, "crop sown", values.LeftChanged},
		{schemas.Duty{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "crop", Op: "eq", Values: []string{"rye"}}}, "", values.LeftFiltered},
		{schemas.Duty{Kind: schemas.DutyHide, Columns: []string{"yeild"}}, "", values.LeftUnclear},
		{schemas.Duty{Kind: schemas.DutyHide, Columns: []string{"yield"}, Table: "plot"}, "", values.LeftUnclear},
		{schemas.Duty{Kind: "new", Columns: []string{"yield"}}, "", values.LeftUnclear},
		{schemas.Duty{Kind: schemas.DutyBudget, Rows: 10}, "yield crop sown", ""},
	} {
		l.offers(id, x.duty)
		if shown, left := l.told(id, "v1"); shown != x.want || left["yield"] != x.why {
			t.Errorf("%+v: %q is told, yield is left out for %q", x.duty, shown, left["yield"])
		}
	}
	l.offers(id)
	said := l.entries(id, "distributions")
	if !slices.Equal(said, []string{"*", "*"}) {
		t.Errorf("the record says %q", said)
	}
	_, err := distribution.TakeBack(t.Context(), l.Catalog, grid, id, "v1")
	if schemas.KindOf(err) != schemas.NotFound {
		t.Errorf("another provider: %v", err)
	}
	for range 2 { // the second time there is nothing to take back
		_, err = distribution.TakeBack(t.Context(), l.Catalog, agronomy, id, "v1")
		must(t, err)
	}
	if shown, _ := l.told(id, "v1"); shown != "" || len(l.entries(id, "distributions")) != 3 {
		t.Errorf("%q is told after the consent was taken back; the record says %q", shown, l.entries(id, "distributions"))
	}
}

// entries are the values of a name that the record's entries of a dataset have.
func (l *lab) entries(id schemas.DatasetID, name string) (out []string) {
	l.t.Helper()
	rows, err := l.db.Query(l.t.Context(), `SELECT v.value FROM change_value v JOIN change c ON c.position = v.position
		WHERE v.name = ? AND c.subject = ? ORDER BY c.position`, name, string(id))
	must(l.t, err)
	defer rows.Close()
	for rows.Next() {
		var v string
		must(l.t, rows.Scan(&v))
		out = append(out, v)
	}
	must(l.t, rows.Err())
	return out
}

// TestDistributionsGoWithTheVersion: a version that is withdrawn has none, nor one that was tried or failed.
func TestDistributionsGoWithTheVersion(t *testing.T) {
	l := newLab(t).run()
	csv, _ := plots()
	id := l.dataset()
	l.offers(id)
	l.put("a.csv", csv, "bad.csv", "a,b\n1\n")
	kept := func() (n int) {
		must(t, l.db.QueryRow(t.Context(), `SELECT count(*) FROM distribution`).Scan(&n))
		return n
	}
	p := of("v1", "a.csv")
	p.Distributions = []string{"plots/crop", "plots/none"}
	p.DryRun = true
	if v := l.published(id, p); v.State != schemas.VersionTried || kept() != 0 {
		t.Errorf("%s, %d are kept", v.State, kept())
	}
	p.DryRun = false
	l.published(id, p)
	if shown, _ := l.told(id, "v1"); shown != "crop" || kept() != 1 {
		t.Errorf("%q is told, %d are kept", shown, kept())
	}
	more := of("v2", "bad.csv")
	more.Base, more.Distributions = "v1", []string{"plots/*"}
	if v := l.published(id, more); v.State != schemas.VersionFailed || kept() != 1 {
		t.Errorf("%s, %d are kept", v.State, kept())
	}
	_, err := l.WithdrawVersion(t.Context(), agronomy, id, "v1")
	must(t, err)
	if shown, _ := l.told(id, "v1"); shown != "" || kept() != 0 {
		t.Errorf("%q is told of a version that was withdrawn, %d are kept", shown, kept())
	}
	for _, wrong := range []string{"crop", "/crop", "plots/", "other/crop", "plots/" + strings.Repeat("x", 2000)} {
		p := of("v3", "a.csv")
		p.Distributions = []string{"*", wrong}
		_, err := l.Publish(t.Context(), agronomy, id, p)
		e, _ := err.(*schemas.Error)
		if e == nil || e.Kind != schemas.Invalid || e.Fields[0].Pointer != "/distributions/1" {
			t.Errorf("%.40s: %v", wrong, err)
		}
	}
}

// TestDistributionsAreForgottenWithTheDataset: of a dataset that was withdrawn nothing is told.
func TestDistributionsAreForgottenWithTheDataset(t *testing.T) {
	l := newLab(t).run()
	csv, _ := plots()
	id := l.dataset()
	l.offers(id)
	l.put("a.csv", csv)
	p := of("v1", "a.csv")
	p.Distributions = []string{"*"}
	l.published(id, p)
	_, err := l.Catalog.Withdraw(context.WithoutCancel(t.Context()), agronomy, id, 0)
	must(t, err)
	if shown, _ := l.told(id, "v1"); shown != "" {
		t.Errorf("%q is told", shown)
	}
	_, _, err = db.Get[values.Distributions](t.Context(), l.db, "distribution", catalog.VersionKey(id, "v1"))
	if schemas.KindOf(err) != schemas.NotFound {
		t.Errorf("it is kept: %v", err)
	}
}
