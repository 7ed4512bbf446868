package terms_test

import (
	"context"
	"strings"
	"testing"

	"guichet/policy"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/agreement/terms"
	"guichet/schemas"
)

// counted is a catalogue that counts how often it is asked.
type counted struct {
	agreementtest.Shelf
	looks int
}

func (c *counted) Manifest(ctx context.Context, id schemas.DatasetID, v schemas.VersionID) (schemas.Version, error) {
	c.looks++
	return c.Shelf.Manifest(ctx, id, v)
}

func judge(c *counted) *terms.Terms { return terms.New(c, nil) }

func hide(columns ...string) schemas.Duty {
	return schemas.Duty{Kind: schemas.DutyHide, Columns: columns, Rule: "offer.hide", Source: "the terms of the dataset"}
}

func dataset(version schemas.VersionID) *schemas.Dataset {
	return &schemas.Dataset{ID: "ds-0", Provider: agreementtest.Holder, Latest: &schemas.VersionSummary{Version: version}}
}

// A yes stays one where its terms can be carried out and what was asked for is shown;
// otherwise it is a no with the rule that says why, and what to do.
func TestCheck(t *testing.T) {
	t.Parallel()
	fix := "the provider, https://holder.example, must fix the terms or the description of the columns"
	for _, c := range []struct {
		name         string
		duties       []schemas.Duty
		columns      []string
		rule, text   string
		remedy, errs string
	}{
		{name: "no terms"},
		{name: "terms that change nothing that is shown",
			duties: []schemas.Duty{{Kind: schemas.DutyBudget, Rows: 1}, {Kind: schemas.DutyAttribute}}},
		{name: "columns that are there", columns: []string{"x", "y"}},
		{name: "a hidden column that nobody asked for", duties: []schemas.Duty{hide("x")}, columns: []string{"y"}},
		{name: "a hidden column, and all are asked for", duties: []schemas.Duty{hide("x")}},
		{name: "a column that no table has", columns: []string{"x", "w"}, errs: `[/items/3/columns/1: no table of ds-0 has a column "w"]`},
		{name: "a hidden column", duties: []schemas.Duty{hide("x")}, columns: []string{"y", "x"}, rule: "offer.hide",
			text: `column "x" is hidden by the terms`, remedy: "leave the column out, or ask the provider to show it"},
		{name: "all columns hidden", duties: []schemas.Duty{hide("x", "y"), hide("z")}, rule: "offer.columns",
			text: "the terms leave no column to show", remedy: fix},
		{name: "terms on a column that is not there", duties: []schemas.Duty{hide("w")}, rule: "offer.columns",
			text: `the terms change column "w", and the published version has no such column`, remedy: fix},
	} {
		dec := &schemas.Decision{Verdict: schemas.VerdictYes, Obligations: c.duties, Reasons: []schemas.Reason{{Rule: "offer.use"}}}
		err := judge(&counted{}).Check(t.Context(), dec, policy.Attributes{}, dataset("v1"), c.columns, "/items/3")
		if c.errs != "" {
			agreementtest.Refused(t, c.name, err, schemas.Invalid, c.errs)
			continue
		}
		agreementtest.Must(t, err)
		if c.rule == "" {
			if dec.Verdict != schemas.VerdictYes || dec.Reasons[0].Rule != "offer.use" {
				t.Errorf("%s: %+v", c.name, dec)
			}
			continue
		}
		if r := dec.Reasons[0]; dec.Verdict != schemas.VerdictNo || len(dec.Reasons) != 1 || r.Rule != c.rule || r.Text != c.text ||
			r.Remedy != c.remedy {
			t.Errorf("%s: %+v", c.name, dec)
		}
		if dec.Obligations != nil {
			t.Errorf("%s: a no has the obligations %+v", c.name, dec.Obligations)
		}
	}
}

// A version is looked at once for the same terms; other terms, versions and columns that
// are asked for are looked at anew.
func TestWhatIsKnownIsNotAskedAgain(t *testing.T) {
	t.Parallel()
	c := &counted{}
	j := judge(c)
	for i, s := range []struct {
		duties  []schemas.Duty
		version schemas.VersionID
		columns []string
		looks   int
		verdict schemas.Verdict
	}{
		{[]schemas.Duty{hide("x")}, "v1", nil, 1, schemas.VerdictYes},
		{[]schemas.Duty{hide("x")}, "v1", nil, 1, schemas.VerdictYes},
		{[]schemas.Duty{hide("w")}, "v1", nil, 2, schemas.VerdictNo},
		{[]schemas.Duty{hide("w")}, "v1", nil, 2, schemas.VerdictNo},
		{[]schemas.Duty{hide("x")}, "v2", nil, 3, schemas.VerdictYes},
		{[]schemas.Duty{hide("x")}, "v1", []string{"y"}, 4, schemas.VerdictYes},
		{[]schemas.Duty{hide("x")}, "v1", []string{"y"}, 5, schemas.VerdictYes},
		{nil, "v1", nil, 5, schemas.VerdictYes},
	} {
		dec := &schemas.Decision{Verdict: schemas.VerdictYes, Obligations: s.duties}
		agreementtest.Must(t, j.Check(t.Context(), dec, policy.Attributes{}, dataset(s.version), s.columns, ""))
		if c.looks != s.looks || dec.Verdict != s.verdict {
			t.Errorf("step %d: %s after %d looks, want %s after %d", i, dec.Verdict, c.looks, s.verdict, s.looks)
		}
	}
	dec := &schemas.Decision{Verdict: schemas.VerdictYes, Obligations: []schemas.Duty{hide("x")}}
	for range 2 { // what went wrong is not remembered
		err := j.Check(t.Context(), dec, policy.Attributes{}, dataset("v0"), nil, "")
		agreementtest.Refused(t, "a version that is not there", err, schemas.NotFound)
	}
	if c.looks != 7 {
		t.Errorf("%d looks, want 7", c.looks)
	}
}

// An offer is held against what is published duty by duty, then rule by rule: every fault
// is named where it stands. Of a dataset that has no version nothing is asked.
func TestCheckOffer(t *testing.T) {
	t.Parallel()
	offer := func(rules ...[]schemas.Duty) *schemas.Offer {
		o := &schemas.Offer{}
		for _, duties := range rules {
			o.Rules = append(o.Rules, schemas.Rule{Duties: duties})
		}
		return o
	}
	j := judge(&counted{})
	for _, c := range []struct {
		name  string
		offer *schemas.Offer
		want  []string
	}{
		{"no rules", offer(), nil},
		{"terms that hold", offer([]schemas.Duty{hide("x"), {Kind: schemas.DutyBudget, Rows: 5}}, nil), nil},
		{"a column that is not there", offer(nil, []schemas.Duty{hide("x"), hide("w")}), []string{"/rules/1/duties/1"}},
		{"two of them", offer([]schemas.Duty{hide("w")}, []schemas.Duty{hide("v")}), []string{"/rules/0/duties/0", "/rules/1/duties/0"}},
		{"nothing left by one duty", offer([]schemas.Duty{hide("x", "y", "z")}), []string{"/rules/0/duties/0"}},
		{"nothing left by all duties of a rule", offer([]schemas.Duty{hide("x"), hide("y", "z")}), []string{"/rules/0/duties"}},
		{"nothing left by two rules, which no request need meet at once", offer([]schemas.Duty{hide("x")}, []schemas.Duty{hide("y", "z")}), nil},
	} {
		err := j.CheckOffer(t.Context(), dataset("v1"), c.offer)
		if len(c.want) == 0 {
			agreementtest.Must(t, err)
			continue
		}
		agreementtest.Refused(t, c.name, err, schemas.Invalid, "the terms cannot be carried out on the published version v1")
		for _, pointer := range c.want {
			agreementtest.Refused(t, c.name, err, schemas.Invalid, "["+pointer+": ")
		}
		if n := strings.Count(err.Error(), "/rules/"); n != len(c.want) {
			t.Errorf("%s: %d faults, want %v: %v", c.name, n, c.want, err)
		}
	}
	agreementtest.Must(t, j.CheckOffer(t.Context(), &schemas.Dataset{ID: "ds-0"}, offer([]schemas.Duty{hide("w")})))
	err := j.CheckOffer(t.Context(), dataset("v0"), offer([]schemas.Duty{hide("w")}))
	agreementtest.Refused(t, "a version that is not there", err, schemas.NotFound)
}
