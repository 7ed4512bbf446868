package budget_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/agreement/budget"
	"guichet/policy/call"
	"guichet/schemas"
)

// write does what a release does in its transaction, and appends what says so.
func write(w *agreementtest.World, do func(ctx context.Context, tx *db.Tx, c *schemas.Change) error) error {
	return w.DB.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		c := schemas.Change{
			Kind: schemas.ChangeReleaseEnd, Subject: "rel-x", Values: map[string]string{"state": "complete"}, Numbers: map[string]int64{},
		}
		err := do(ctx, tx, &c)
		if err == nil {
			_, err = tx.Append(ctx, c)
		}
		return err
	})
}

// reserve and charge move rows and bytes through the accounts of an agreement.
func reserve(w *agreementtest.World, a *schemas.Agreement, rows, bytes int64) error {
	return write(w, func(ctx context.Context, tx *db.Tx, c *schemas.Change) error {
		p, err := budget.Of(ctx, tx, a)
		if err == nil {
			err = p.Reserve(ctx, tx, a, rows, bytes)
		}
		p.Record(c)
		return err
	})
}

func charge(w *agreementtest.World, a *schemas.Agreement, heldRows, heldBytes, rows, bytes int64) error {
	return write(w, func(ctx context.Context, tx *db.Tx, c *schemas.Change) error {
		p, err := budget.Of(ctx, tx, a)
		if err == nil {
			p, err = budget.Charge(ctx, tx, p.IDs(), heldRows, heldBytes, rows, bytes)
		}
		p.Record(c)
		return err
	})
}

func purse(t *testing.T, w *agreementtest.World, a schemas.Agreement) budget.Purse {
	t.Helper()
	p, err := budget.Of(t.Context(), w.DB, &a)
	agreementtest.Must(t, err)
	return p
}

// decided is what a decision on a dataset says of budgets, for a project of the Lab.
func decided(t *testing.T, w *agreementtest.World, a *schemas.Agreement, project, lead string) schemas.Decision {
	t.Helper()
	decisions := []schemas.Decision{{Verdict: schemas.VerdictYes, Obligations: a.Obligations}}
	f := policy.Attributes{Participant: schemas.Participant{ID: a.Participant},
		Project: schemas.Project{ID: schemas.ProjectID(project), Lead: schemas.ParticipantID(lead)}}
	ds := schemas.Dataset{ID: a.Dataset}
	agreementtest.Must(t, budget.Judge(t.Context(), w.DB, decisions, f, []*schemas.Dataset{&ds}))
	return decisions[0]
}

// A budget is an account of the project, one of the organisation that asked, and one of the
// project's lead: what is left is what the fullest of them leaves, and the refusal names it.
func TestWhoseABudgetIs(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := agreementtest.New(t, database, 100, 0)
		a := w.Agree(t, "ds-0", nil)
		if p := purse(t, w, a); len(p.IDs()) != 2 || len(p) != 2 { // the Lab leads its project
			t.Fatalf("the accounts are %v", p.IDs())
		}
		agreementtest.Must(t, reserve(w, &a, 70, 700))
		agreementtest.Must(t, charge(w, &a, 70, 700, 60, 600))
		agreementtest.Must(t, reserve(w, &a, 6, 60))
		for _, c := range []struct {
			name, project, lead string
			left                int64
		}{
			{"the same project", "p", string(agreementtest.Lab), 34},
			{"another project of the Lab", "q", string(agreementtest.Lab), 34},
			{"the Lab in a project of others", "q", string(agreementtest.Holder), 34},
		} {
			dec := decided(t, w, &a, c.project, c.lead)
			if dec.Verdict != schemas.VerdictYes || dec.Left == nil || *dec.Left.Rows != c.left || dec.Left.Bytes != nil {
				t.Errorf("%s: %s, %+v left, want %d rows", c.name, dec.Verdict, dec.Left, c.left)
			}
		}
		other := a
		other.Participant = "https://two.example"
		if dec := decided(t, w, &other, "r", "https://two.example"); *dec.Left.Rows != 100 {
			t.Errorf("another organisation has %d rows left", *dec.Left.Rows)
		}
		if dec := decided(t, w, &other, "s", string(agreementtest.Lab)); *dec.Left.Rows != 34 {
			t.Errorf("another organisation that the Lab leads has %d rows left, want the lead's 34", *dec.Left.Rows)
		}
		if dec := decided(t, w, &a, "", ""); dec.Left != nil {
			t.Errorf("without a project %+v is left", dec.Left)
		}
		agreementtest.Must(t, reserve(w, &a, 34, 340))
		for project, text := range map[string]string{
			"p": "the budget is spent: 100 of 100 rows used or reserved by the project, over all of its agreements on the dataset",
			"q": "the budget is spent: 100 of 100 rows used or reserved by https://lab.example, over all of its projects",
		} {
			dec := decided(t, w, &a, project, string(agreementtest.Lab))
			if dec.Verdict != schemas.VerdictNo || dec.Reasons[0].Text != text || dec.Reasons[0].Remedy != "let running streams end, or ask the provider for a larger budget" || *dec.Left.Rows != 0 {
				t.Errorf("project %s: %+v, want a no: %s", project, dec, text)
			}
		}
	})
}

// A budget with two limits leaves of both; one that a request bound itself to is of its
// agreement alone, and none leaves no number at all.
func TestWhatBudgetsLeave(t *testing.T) {
	t.Parallel()
	w := agreementtest.New(t, dbtest.Open(t, dbtest.SQLite), 100, 5000)
	a := w.Agree(t, "ds-0", func(a *schemas.Agreement) {
		a.Obligations = append(a.Obligations, schemas.Duty{Kind: schemas.DutyBudget, Rows: 30, Rule: budget.RuleOfRequest, Source: "the request"})
		a.RowsUsed, a.BytesUsed = 25, 250
	})
	p := purse(t, w, a)
	rows, bytes, tight := p.Left()
	if rows != 5 || bytes != 5000 || tight == nil || len(p) != 3 || len(p.IDs()) != 2 {
		t.Errorf("%d rows and %d bytes are left in %d accounts", rows, bytes, len(p))
	}
	if l := p.Shown(); *l.Rows != 5 || *l.Bytes != 5000 {
		t.Errorf("shown as %+v", l)
	}
	a.RowsUsed = 30
	rows, _, tight = purse(t, w, a).Left()
	spent := "the budget is spent: 30 of 30 rows used or reserved under this agreement, whose request asked for no more"
	if rows != 0 || tight.Used() != spent {
		t.Errorf("%d rows are left: %s", rows, tight.Used())
	}
	a.RowsUsed = 0
	agreementtest.Must(t, reserve(w, &a, 1, 5000))
	want := "the budget is spent: 1 of 100 rows and 5000 of 5000 bytes used or reserved by the project, " +
		"over all of its agreements on the dataset"
	if _, bytes, tight = purse(t, w, a).Left(); bytes != 0 || tight.Used() != want {
		t.Errorf("%d bytes are left: %s", bytes, tight.Used())
	}
	a.Obligations = nil
	p = purse(t, w, a)
	if rows, bytes, tight := p.Left(); p != nil || p.Shown() != nil || tight != nil || rows != bytes || rows != 1<<63-1 {
		t.Errorf("no budget leaves %d rows, %d bytes, %+v", rows, bytes, tight)
	}
}

// The same budget goes on counting; another limit, rule or dataset begins anew.
func TestAnAccountIsNamedAfterItsBudget(t *testing.T) {
	t.Parallel()
	w := agreementtest.New(t, dbtest.Open(t, dbtest.SQLite), 100, 0)
	names := map[string]string{}
	for name, change := range map[string]func(*schemas.Agreement, *schemas.Duty){
		"":                  func(*schemas.Agreement, *schemas.Duty) {},
		"another source":    func(_ *schemas.Agreement, d *schemas.Duty) { d.Source = "other words" },
		"another agreement": func(a *schemas.Agreement, _ *schemas.Duty) { a.ID = schemas.NewAgreementID() },
		"another limit":     func(_ *schemas.Agreement, d *schemas.Duty) { d.Rows = 101 },
		"bytes too":         func(_ *schemas.Agreement, d *schemas.Duty) { d.Bytes = 7 },
		"another rule":      func(_ *schemas.Agreement, d *schemas.Duty) { d.Rule = "offer.b" },
		"another dataset":   func(a *schemas.Agreement, _ *schemas.Duty) { a.Dataset = "ds-1" },
	} {
		a := schemas.Agreement{ID: "agr-a", Dataset: "ds-0", Participant: agreementtest.Lab, Project: "p",
			Obligations: []schemas.Duty{{Kind: schemas.DutyBudget, Rows: 100, Rule: "offer.a", Source: "the terms"}}}
		change(&a, &a.Obligations[0])
		names[name] = fmt.Sprint(purse(t, w, a).IDs())
	}
	// Frozen: the accounts of a running site are named so.
	if want := "[acc-919abbfd3ea2ea7677f2fcea1d94e4a761e9d158 acc-d1344e44e965e9af47a31ad30cb196be58fcdaa4]"; names[""] != want {
		t.Errorf("the accounts are %s, want %s", names[""], want)
	}
	for name, ids := range names {
		if same := name == "" || name == "another source" || name == "another agreement"; same != (ids == names[""]) {
			t.Errorf("%q: %s beside %s", name, ids, names[""])
		}
	}
}

// However streams reserve and end, an account holds what was reserved and not ended, and
// what was charged; the record says what it gave out, and is believed before the account.
func TestAccountsAgainstAModel(t *testing.T) {
	t.Parallel()
	w := agreementtest.New(t, dbtest.Open(t, dbtest.SQLite), 1000, 0)
	rapid.Check(t, func(t *rapid.T) {
		id := schemas.NewDatasetID()
		w.Put(id)
		a := w.Agree(t, id, nil)
		var used int64
		var held []int64
		t.Repeat(map[string]func(*rapid.T){
			"reserve": func(t *rapid.T) {
				n := rapid.Int64Range(0, 50).Draw(t, "rows")
				agreementtest.Must(t, reserve(w, &a, n, 10*n))
				held = append(held, n)
			},
			"end": func(t *rapid.T) {
				if len(held) == 0 {
					t.Skip("nothing is reserved")
				}
				n := rapid.Int64Range(0, held[0]).Draw(t, "sent")
				agreementtest.Must(t, charge(w, &a, held[0], 10*held[0], n, 10*n))
				held, used = held[1:], used+n
			},
			"": func(t *rapid.T) {
				p, err := budget.Of(context.Background(), w.DB, &a)
				agreementtest.Must(t, err)
				sum := used
				for _, n := range held {
					sum += n
				}
				if rows, _, _ := p.Left(); rows != max(1000-sum, 0) {
					t.Fatalf("%d rows are left of 1000, after %d used and %v reserved", rows, used, held)
				}
				agreementtest.Must(t, p.CheckRecord(context.Background(), w.DB))
			},
		})
	})
}

// An account that says less than the record was edited, and so was one below nothing.
func TestAnAccountBelowItsRecord(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := agreementtest.New(t, database, 100, 0)
		a := w.Agree(t, "ds-0", nil)
		agreementtest.Must(t, reserve(w, &a, 40, 400))
		agreementtest.Must(t, charge(w, &a, 40, 400, 40, 400))
		agreementtest.Must(t, purse(t, w, a).CheckRecord(t.Context(), w.DB))
		for edit, text := range map[string]string{
			`UPDATE account SET rows_used = 39`:  "it says 39 rows and 400 bytes were given out, the record 40 and 400",
			`UPDATE account SET bytes_used = 0`:  "it says 40 rows and 0 bytes were given out, the record 40 and 400",
			`UPDATE account SET rows_held = -1`:  "it says that less than nothing was given out",
			`UPDATE account SET bytes_used = -9`: "it says that less than nothing was given out",
		} {
			w.Exec(t, edit)
			err := purse(t, w, a).CheckRecord(t.Context(), w.DB)
			if !errors.Is(err, db.ErrAltered) || !strings.Contains(err.Error(), text) {
				t.Errorf("after %s: %v", edit, err)
			}
			w.Exec(t, `UPDATE account SET rows_used = 40, bytes_used = 400, rows_held = 0, bytes_held = 0`)
		}
		w.Exec(t, `DELETE FROM account`)
		if err := purse(t, w, a).CheckRecord(t.Context(), w.DB); !errors.Is(err, db.ErrAltered) {
			t.Errorf("an account that is gone: %v", err)
		}
	})
}

// The accounts of a release stand in its entry of the record, the second one under names
// of its own, with what each has given out for good.
func TestTheRecordNamesAccounts(t *testing.T) {
	t.Parallel()
	w := agreementtest.New(t, dbtest.Open(t, dbtest.SQLite), 100, 0)
	a := w.Agree(t, "ds-0", nil)
	agreementtest.Must(t, reserve(w, &a, 40, 400))
	agreementtest.Must(t, charge(w, &a, 40, 400, 25, 250))
	ids := purse(t, w, a).IDs()
	ends := w.Entries(t, schemas.ChangeReleaseEnd)
	last := ends[len(ends)-1]
	if last.Values["account"] != ids[0] || last.Values["account.2"] != ids[1] || last.Values["account.3"] != "" {
		t.Errorf("the record names %v, want %v", last.Values, ids)
	}
	for name, want := range map[string]int64{"used_rows": 25, "used_bytes": 250, "used_rows.2": 25, "used_bytes.2": 250} {
		if last.Numbers[name] != want {
			t.Errorf("%s is %d, want %d", name, last.Numbers[name], want)
		}
	}
	first := ends[len(ends)-2] // what is reserved is not given out
	if first.Numbers["used_rows"] != 0 {
		t.Errorf("%d rows are said to be given out when they were reserved", first.Numbers["used_rows"])
	}
}

// A budget of a project that is gone is an error, not a budget that nobody has used.
func TestABudgetOfNobody(t *testing.T) {
	t.Parallel()
	w := agreementtest.New(t, dbtest.Open(t, dbtest.SQLite), 100, 0)
	a := w.Agree(t, "ds-0", nil)
	w.Exec(t, `DELETE FROM project`)
	p, err := budget.Of(t.Context(), w.DB, &a)
	agreementtest.Refused(t, "no project", err, schemas.NotFound)
	if p != nil {
		t.Errorf("its budgets are %+v", p)
	}
	a.Obligations = []schemas.Duty{{Kind: schemas.DutyHide}}
	p, err = budget.Of(t.Context(), w.DB, &a)
	if p != nil || err != nil {
		t.Errorf("without a budget: %+v, %v", p, err)
	}
}

// The budget of a call is one account of all of its projects, whatever they read, as the call has it now; a rule of a
// provider's that is named like it is none.
func TestBudgetOfACall(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database *db.DB) {
		w := agreementtest.New(t, database, 0, 0)
		w.Organisation(t, agreementtest.Factory, func(p *schemas.Participant) { p.Roles = []schemas.Role{schemas.RoleOperator} })
		calls := call.New(call.Config{DB: database, Now: time.Now})
		c, err := calls.Put(t.Context(), agreementtest.Operator(), call.Call{ID: "agri", Name: "Agri", Rows: 100, Closes: time.Now().Add(time.Hour)}, 0)
		agreementtest.Must(t, err)
		_, err = w.Parties.PutProject(t.Context(), agreementtest.Operator(), schemas.Project{ID: "q", Title: "Q", Lead: agreementtest.Holder, Factory: "f",
			Purposes: []string{"train-model"}}, 0)
		agreementtest.Must(t, err)
		under := func(a *schemas.Agreement) {
			a.Obligations = append(a.Obligations, schemas.Duty{Kind: schemas.DutyBudget, Rows: 100, Rule: "call:agri", Source: call.Source})
		}
		one := w.Agree(t, "ds-0", under)
		two := w.Agree(t, "ds-1", func(a *schemas.Agreement) { under(a); a.Project, a.Participant = "q", agreementtest.Holder })
		sly := w.Agree(t, "ds-2", func(a *schemas.Agreement) {
			under(a)
			a.Obligations[len(a.Obligations)-1].Source = "the provider's offer"
		})
		if p := purse(t, w, sly); slices.Contains(p.IDs(), call.Account("agri")) {
			t.Error("a provider spends the budget of a call")
		}
		agreementtest.Must(t, reserve(w, &one, 70, 700))
		agreementtest.Must(t, charge(w, &one, 70, 700, 60, 600))
		agreementtest.Must(t, reserve(w, &two, 40, 400))
		p := purse(t, w, one)
		rows, bytes, tight := p.Left()
		if rows != 0 || bytes != math.MaxInt64 || len(p.IDs()) != 1 || p.IDs()[0] != call.Account("agri") {
			t.Fatalf("%d rows and %d bytes are left of %v", rows, bytes, p.IDs())
		}
		if !strings.Contains(tight.Used(), "100 of 100 rows used or reserved by all projects of the call agri together") ||
			!strings.Contains(tight.Remedy(), "whoever answers for the call agri") {
			t.Errorf("%s; %s", tight.Used(), tight.Remedy())
		}
		agreementtest.Must(t, p.CheckRecord(t.Context(), database))
		got, err := calls.Get(t.Context(), agreementtest.Operator(), "agri")
		if err != nil || got.Used == nil || got.Used.Rows != 100 || got.Used.Bytes != 1000 {
			t.Errorf("%+v, %v", got.Used, err)
		}
		dec := decidedUnder(t, w, &one, "agri")
		if dec.Verdict != schemas.VerdictNo || dec.Reasons[0].Rule != "call:agri" || dec.Reasons[0].Source != call.Source {
			t.Errorf("%+v", dec)
		}
		c.Rows = 150 // more is given, to agreements that stand too
		_, err = calls.Put(t.Context(), agreementtest.Operator(), c, c.Revision)
		agreementtest.Must(t, err)
		if rows, _, _ := purse(t, w, two).Left(); rows != 50 {
			t.Errorf("%d rows are left when more is given", rows)
		}
		w.Exec(t, `UPDATE account SET rows_used = 1 WHERE id = ?`, call.Account("agri"))
		agreementtest.Refused(t, "edited behind the gateway", purse(t, w, one).CheckRecord(t.Context(), database), schemas.Unavailable)
	})
}

// decidedUnder is what a decision says for a project that runs under a call.
func decidedUnder(t *testing.T, w *agreementtest.World, a *schemas.Agreement, under string) schemas.Decision {
	t.Helper()
	decisions := []schemas.Decision{{Verdict: schemas.VerdictYes, Obligations: a.Obligations}}
	f := policy.Attributes{Participant: schemas.Participant{ID: a.Participant}, Project: schemas.Project{ID: a.Project, Lead: a.Participant, Call: under}}
	agreementtest.Must(t, budget.Judge(t.Context(), w.DB, decisions, f, []*schemas.Dataset{{ID: a.Dataset}}))
	return decisions[0]
}
