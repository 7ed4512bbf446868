package stream

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	arrowipc "github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"guichet/connectors/ipc"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/streamtest"
	"guichet/policy"
	"guichet/schemas"
)

// anyTable is a table of a few rows whose columns are named so that one may seem a part of
// another: a, a.b, a.b.c.
func anyTable(t *rapid.T) arrow.Record {
	word := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	types := []arrow.DataType{arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String, word, arrow.ListOf(arrow.PrimitiveTypes.Int16),
		arrow.StructOf(arrow.Field{Name: "b", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
			arrow.Field{Name: "c", Type: arrow.BinaryTypes.String, Nullable: true})}
	var fields []arrow.Field
	for _, name := range []string{"a", "a.b", "a.b.c", "b", "b.c", "c"} {
		if rapid.Bool().Draw(t, name) {
			fields = append(fields, arrow.Field{Name: name, Type: rapid.SampledFrom(types).Draw(t, "type of "+name), Nullable: true})
		}
	}
	if len(fields) == 0 {
		fields = []arrow.Field{{Name: "a", Type: types[0], Nullable: true}}
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	for i := range fields {
		b.Field(i).AppendNull()
		if d, ok := b.Field(i).(*array.BinaryDictionaryBuilder); ok {
			_ = d.AppendString("v")
			continue
		}
		b.Field(i).AppendEmptyValue()
	}
	return b.NewRecord()
}

// anyColumnDuties hides, pseudonymises and makes coarser, by names that are columns, parts
// of columns, or neither.
func anyColumnDuties(t *rapid.T, fields []arrow.Field) []schemas.Duty {
	known := []string{"a.b", "a.b.c", "c.x"}
	for range 4 {
		for _, f := range fields {
			known = append(known, f.Name)
		}
	}
	names := rapid.SliceOfN(rapid.SampledFrom(known), 1, 2)
	kinds := []string{schemas.DutyHide, schemas.DutyHide, schemas.DutyHide, schemas.DutyPseudonymise, schemas.DutyGeneralise}
	var out []schemas.Duty
	for range rapid.IntRange(0, 3).Draw(t, "duties") {
		d := schemas.Duty{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Columns: names.Draw(t, "columns")}
		if d.Kind == schemas.DutyGeneralise {
			d.To = rapid.SampledFrom([]string{"10", "first:2"}).Draw(t, "to")
		}
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b schemas.Duty) int { return cmp.Compare(a.Kind, b.Kind) }) // as decisions order them
	return out
}

// A mark, a lease, a manifest and a stream agree on every column, whatever the columns and
// the duties are called: what the desk promises is streamed, and what it says is hidden
// comes nowhere.
func TestDeskAndStreamAgreeOnEveryColumn(t *testing.T) {
	t.Parallel()
	l := newLab(t, 4, streamtest.Numbers(1))
	c := newCounterOver(t, l)
	granted, refused, hidden := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		rec := anyTable(rt)
		l.Publish(t, 4, rec)
		c.version = l.Version
		duties := anyColumnDuties(rt, rec.Schema().Fields())
		id := schemas.NewDatasetID()
		c.shelf[id] = schemas.Dataset{
			ID:       id,
			Provider: "https://holder.example",
			Space:    "agriculture",
			Latest:   &schemas.VersionSummary{Version: "v1"},
			Offer:    &schemas.Offer{Rules: []schemas.Rule{{ID: "§1", Kind: schemas.Permission, Actions: []string{"use"}, Duties: duties}}},
		}
		ctx := context.Background()
		a, ok := c.agreed(rt, id)
		if !ok {
			refused++
			a = schemas.Agreement{Dataset: id, Versions: []schemas.VersionID{"v1"}, Obligations: duties}
		} else {
			granted++
		}
		streamed, err := c.columnsStreamed(rt, &a, nil)
		if ok != (err == nil) {
			rt.Fatalf("%s under %+v: granted %t, and its stream says %v", rec.Schema(), duties, ok, err)
		}
		for _, f := range rec.Schema().Fields() {
			comes := slices.Contains(streamed, f.Name)
			mark, err := c.requests.DryRun(ctx, asTrainer(), schemas.Ask{Dataset: id, Project: "p", Columns: []string{f.Name}})
			if err != nil {
				rt.Fatal(err)
			}
			if (mark.Verdict == schemas.VerdictYes) != comes {
				rt.Errorf("%s under %+v: column %s is marked %s, it comes: %t", rec.Schema(), duties, f.Name, mark.Verdict, comes)
			}
			if !ok {
				continue
			}
			if !comes {
				hidden++
			}
			_, err = c.leases.Mint(ctx, asTrainer(), schemas.LeaseAsk{Project: "p",
				Items: []schemas.LeaseItem{{Agreement: a.ID, Columns: []string{f.Name}}}})
			if (err == nil) != comes {
				rt.Errorf("%s under %+v: a lease on %s: %v; it comes: %t", rec.Schema(), duties, f.Name, err, comes)
			}
			alone, err := c.columnsStreamed(rt, &a, []string{f.Name})
			if (err == nil) != comes || comes && !slices.Equal(alone, []string{f.Name}) {
				rt.Errorf("%s under %+v: a stream of %s alone brings %v, %v; it comes: %t", rec.Schema(), duties, f.Name, alone, err, comes)
			}
		}
	})
	t.Logf("%d granted, %d refused, %d columns hidden", granted, refused, hidden)
	if (granted < 15 || refused < 5 || hidden < 15) && !testing.Short() {
		t.Error("the test tries too little")
	}
}

// agreed asks for a dataset.
func (c *counter) agreed(t *rapid.T, id schemas.DatasetID) (schemas.Agreement, bool) {
	ctx := context.Background()
	r, err := c.requests.Submit(ctx, asTrainer(), schemas.Request{Project: "p", Items: []schemas.RequestItem{{Dataset: id}}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Items[0].Agreement == "" {
		return schemas.Agreement{}, false
	}
	a, err := c.agreements.Get(ctx, asTrainer(), r.Items[0].Agreement)
	if err != nil {
		t.Fatal(err)
	}
	return a, true
}

// columnsStreamed names the columns that a stream under an agreement brings, which the
// manifest names too. An agreement that nobody gave is read as if somebody had.
func (c *counter) columnsStreamed(t *rapid.T, a *schemas.Agreement, columns []string) ([]string, error) {
	ctx := context.Background()
	look := func(context.Context, string, schemas.AgreementID) (policy.Entitlement, error) {
		terms := *a
		terms.State, terms.Until = schemas.AgreementActive, time.Now().Add(time.Hour)
		l := schemas.Lease{ID: "lease-x", Items: []schemas.LeaseItem{{Agreement: a.ID, Version: "v1"}}, Until: time.Now().Add(time.Minute)}
		return policy.Entitlement{Lease: l, Agreement: terms}, nil
	}
	token := ""
	if a.ID != "" {
		l, err := c.leases.Mint(ctx, asTrainer(), schemas.LeaseAsk{Project: "p", Items: []schemas.LeaseItem{{Agreement: a.ID}}})
		if err != nil {
			t.Fatal(err)
		}
		look, token = c.leases.LookUp, l.Token
	}
	want := policy.StreamRequest{
		Door:      "http",
		Agreement: a.ID,
		World:     1,
		Columns:   columns,
		Order:     plan.Ask{World: 1}.Order(),
		Address:   netip.MustParseAddr("192.0.2.1"),
	}
	g, err := policy.Authorize(ctx, look, token, want, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	src, err := c.Source(ctx, g)
	if kind := schemas.KindOf(err); err != nil && kind != schemas.Denied && kind != schemas.Invalid {
		t.Fatal(err)
	}
	if err != nil || a.ID == "" {
		return nil, err
	}
	p, err := plan.NewPlan(src, plan.Ask{World: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := &taken{}
	_, err = c.Engine.Run(ctx, g, p, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	rd, err := arrowipc.NewReader(bytes.NewReader(append(s.Bytes(), ipc.EndOfStream()...)))
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Release()
	var out, told []string
	for _, f := range rd.Schema().Fields() {
		out = append(out, f.Name)
	}
	for _, col := range src.Columns() {
		told = append(told, col.Name)
	}
	if !slices.Equal(out, told) {
		t.Fatal(fmt.Sprintf("the manifest names %v, the stream brings %v", told, out))
	}
	return out, nil
}
