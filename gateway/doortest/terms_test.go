package doortest

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/flight"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"google.golang.org/grpc/codes"

	"guichet/connectors/client"
	"guichet/schemas"
)

// columnsOfTables: a column is one of the table that is asked for; one that stands in no
// table, or only in another, is refused by its name and never left out in silence.
func columnsOfTables(t *testing.T, r *Rig, doors []Door) {
	table := func(name string, i int, column string) schemas.PublicationTable {
		r.Put(t, "tables", i, FileOf(t, named(column, 0, 1, 2)))
		return schemas.PublicationTable{Name: name, Splits: []schemas.PublicationSplit{{Name: "all", Keys: []string{Key("tables", i)}}}}
	}
	d := r.PublishTables(t, "tables", Open(), table("plots", 0, "n"), table("weather", 1, "rain"))
	id := r.Agree(t, time.Time{}, d)[0].ID
	lease := r.Lease(t, id)
	for _, door := range doors {
		for _, columns := range []string{"m", "n,m", "rain", "n,rain"} {
			if door.Name() == "s3" { // which has no words for columns: a lease has
				continue
			}
			refused(t, door, lease, id, url.Values{"table": {"plots"}, "split": {"all"}, "columns": {columns}}, schemas.Invalid, "no column")
		}
		equal(t, door.Name(), []int64{0, 1, 2}, ints(all(t, door, lease, id, url.Values{"table": {"plots"}, "split": {"all"}, "columns": {"n"}})))
	}
}

// conflicts: the strictest of several rules on one column wins, rows stay that every
// rule lets stay, and rules of which none is the stricter are refused.
func conflicts(t *testing.T, r *Rig, doors []Door) {
	coarse := func(to string, columns ...string) schemas.Duty {
		return schemas.Duty{Kind: schemas.DutyGeneralise, Columns: columns, To: to}
	}
	alias := schemas.Duty{Kind: schemas.DutyPseudonymise, Columns: []string{"n"}}
	file := FileOf(t, numbers(0, 60))
	second := func(d schemas.Duty) schemas.Rule {
		return schemas.Rule{Kind: schemas.Permission, Actions: []string{"read", "train", "use"}, Duties: []schemas.Duty{d}}
	}
	apart := Open(coarse("10", "n"))
	apart.Rules = append(apart.Rules, second(coarse("15", "n")))
	d := r.Publish(t, "conflict", apart, file)
	var ask schemas.Request
	must(t, r.As(t, "trainer").Post(t.Context(), "/requests", map[string]any{"project": "doors", "items": []schemas.RequestItem{{Dataset: d.ID}}}, &ask))
	if dec := ask.Items[0].Decision; ask.State != schemas.RequestRefused || !strings.Contains(dec.Reasons[0].Text, "two rules make column") {
		t.Errorf("the request is %s: %+v", ask.State, dec)
	}
	nested := Open(coarse("20", "n"))
	nested.Rules = append(nested.Rules, second(coarse("10", "n")))
	for name, offer := range map[string]schemas.Offer{"same": Open(coarse("20", "n"), coarse("20", "n")), "one-rule": Open(coarse("10", "n"), coarse("20", "n")), "two-rules": nested} {
		id, lease := r.Ready(t, "nested-"+name, offer, file)
		for _, door := range doors {
			equal(t, door.Name()+": "+name, []int64{0, 20, 40}, slices.Compact(ints(all(t, door, lease, id, nil))))
		}
	}
	few := func(op, value string) schemas.Duty {
		return schemas.Duty{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "n", Op: op, Values: []string{value}}}
	}
	filters := Open(few("gteq", "10"))
	filters.Rules = append(filters.Rules, second(few("lt", "13")))
	for name, offer := range map[string]schemas.Offer{"one-rule": Open(few("gteq", "10"), few("lt", "13")), "two-rules": filters} {
		id, lease := r.Ready(t, "filters-"+name, offer, file)
		for _, door := range doors {
			equal(t, door.Name()+": two filters, "+name, []int64{10, 11, 12}, ints(all(t, door, lease, id, nil)))
		}
	}
	both := Open(coarse("10", "n"))
	both.Rules = append(both.Rules, second(alias))
	for name, offer := range map[string]schemas.Offer{"first": Open(alias, coarse("10", "n")), "last": Open(coarse("10", "n"), alias), "other-rule": both} {
		id, lease := r.Ready(t, "alias-"+name, offer, file)
		for _, door := range doors {
			seen := map[string]bool{}
			for _, rec := range all(t, door, lease, id, nil) {
				equal(t, door.Name()+" type of n", "fixed_size_binary[16]", rec.Column(0).DataType().String())
				for row := range int(rec.NumRows()) {
					seen[rec.Column(0).ValueStr(row)] = true
				}
			}
			equal(t, door.Name()+", "+name+": pseudonyms of 60 values", 60, len(seen))
		}
	}
}

// leaseExpires is trial 69, and what decisions.md 4 says of open streams: a stream
// outlives its lease and ends whole; whoever asks again with the expired lease hears
// when it expired and what renews it, as a missing sign-in and never as a missing
// right.
func leaseExpires(t *testing.T, r *Rig, doors []Door) {
	id, token := r.Ready(t, "expires", Open(), bulk(t)...)
	c := r.As(t, "trainer").As(client.Static(token))
	var short schemas.LeaseAnswer
	must(t, c.Post(t.Context(), "/leases", map[string]any{"until": time.Now().Add(3 * time.Second)}, &short))
	over := doors[2].(*flightDoor).c
	info, err := over.GetFlightInfo(withLease(t.Context(), short.Token), descriptor(id, nil))
	must(t, err)
	if at := info.Endpoint[0].ExpirationTime; at != nil {
		t.Errorf("a ticket tells clients, whose clocks may be wrong, to judge its end themselves: %s", at)
	}
	var rests []func() (int64, error)
	for _, d := range doors {
		rests = append(rests, slowly(t, d, short.Token, id))
	}
	Eventually(t, func() error {
		_, _, err := read(doors[0], short.Token, id, url.Values{"from": {"12288"}})
		if err == nil {
			return errors.New("the lease still opens")
		}
		return nil
	})
	for i, rest := range rests {
		_, err := rest()
		if err != nil {
			t.Errorf("%s: a stream that was open when its lease expired ends with %v", doors[i].Name(), err)
		}
	}
	when := short.Until.UTC().Format(time.RFC3339)
	for _, d := range doors {
		err := refused(t, d, short.Token, id, nil, schemas.Unauthenticated, "expired at "+when)
		words := fmt.Sprintf("%+v", err)
		if e, ok := errors.AsType[*schemas.Error](err); ok {
			words += e.Remedy
		}
		if !strings.Contains(words, "guichet stream") || strings.Contains(words, "no access") {
			t.Errorf("%s: the refusal does not say what renews the lease: %s", d.Name(), words)
		}
		if d.Name() == "flight" {
			equal(t, "Flight's code", codes.Unauthenticated.String(), code(err))
		}
	}
	get := func(lease string) error {
		st, err := over.DoGet(withLease(t.Context(), lease), info.Endpoint[0].Ticket)
		must(t, err)
		_, err = st.Recv()
		return err
	}
	equal(t, "the old ticket with the old lease", codes.Unauthenticated.String(), code(get(short.Token)))
	equal(t, "the old ticket with a new lease", codes.FailedPrecondition.String(), code(get(token)))
	equal(t, "a ticket alone", codes.Unauthenticated.String(), code(get("")))
	req, err := http.NewRequestWithContext(t.Context(), "GET", r.HTTP+"/api/v1/agreements/"+string(id)+"/stream", nil)
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+short.Token)
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	resp.Body.Close()
	if h := resp.Header.Get("WWW-Authenticate"); resp.StatusCode != 401 || !strings.HasPrefix(h, `Bearer error="invalid_token"`) || !strings.Contains(h, when) {
		t.Errorf("an expired lease over HTTP: %d, WWW-Authenticate %q", resp.StatusCode, h)
	}
}

// floods: a thousand refusals of one kind put a handful of records, whether somebody
// repeats herself or makes each token up anew.
func floods(t *testing.T, r *Rig, doors []Door) {
	id, lease := r.Ready(t, "floods", Open(schemas.Duty{Kind: schemas.DutyHide, Columns: []string{"word"}}), FileOf(t, numbers(0, 20)))
	closed := r.Publish(t, "floods-closed", schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"},
		Constraint: &schemas.Constraint{Left: "recipient", Operator: "eq", Right: []string{"https://nobody.example"}}}}}, FileOf(t, numbers(0, 20)))
	trainer := r.As(t, "trainer")
	many := func(n int, ask func(i int)) {
		var group sync.WaitGroup
		for part := range 8 {
			group.Go(func() {
				for i := part; i < n; i += 8 {
					ask(i)
				}
			})
		}
		group.Wait()
	}
	over := doors[2].(*flightDoor).c
	for name, c := range map[string]struct {
		ask func(i int)
	}{
		"one wrong lease": {func(i int) {
			for _, d := range doors[:2] {
				refused(t, d, lease[:len(lease)-4]+"AAAA", id, nil, schemas.Unauthenticated, "")
			}
			_, err := over.GetFlightInfo(withLease(t.Context(), "lease-wrong"), descriptor(id, nil))
			equal(t, "Flight", codes.Unauthenticated.String(), code(err))
		}},
		"another wrong lease each time": {func(i int) {
			refused(t, doors[0], fmt.Sprintf("lease-%d", i), id, nil, schemas.Unauthenticated, "")
			st, err := over.DoGet(withLease(t.Context(), fmt.Sprintf("lease-%d", i)), &flight.Ticket{Ticket: fmt.Appendf(nil, "ticket %d", i)})
			if err == nil {
				_, err = st.Recv()
			}
			if err == nil {
				t.Error("a made-up ticket opens")
			}
		}},
		"a column that is hidden": {func(i int) {
			refused(t, doors[0], lease, id, url.Values{"columns": {"word"}}, schemas.Denied, "hidden")
		}},
		"one agreement of nobody's": {func(i int) {
			err := trainer.Post(t.Context(), "/agreements/"+string(id)+"/revoke", map[string]string{"reason": "not mine"}, nil)
			if schemas.KindOf(err) != schemas.Denied {
				t.Errorf("a trainer revokes: %v", err)
			}
		}},
		"a dry run": {func(i int) {
			must(t, trainer.Post(t.Context(), "/decisions", schemas.Ask{Dataset: closed.ID, Project: "doors"}, nil))
		}},
	} {
		quiet(t, r)
		before := records(t, r)
		many(1000, c.ask)
		if n := records(t, r) - before; n > 10 { // when a minute ends in between, its counts come too
			t.Errorf("%s: 1000 refusals put %d records, want a few", name, n)
		}
	}
}

// quiet waits until no release is open: what ends later would be taken for what the
// test does.
func quiet(t *testing.T, r *Rig) {
	t.Helper()
	Eventually(t, func() error {
		open, err := client.All[schemas.Release](t.Context(), r.As(t, "operator"), "/streams")
		if err == nil && len(open) > 0 {
			err = fmt.Errorf("%d releases are open", len(open))
		}
		return err
	})
}

// records is the size of the record, by its signed head.
func records(t *testing.T, r *Rig) int {
	t.Helper()
	var head []byte
	must(t, r.As(t, "operator").Get(t.Context(), "/audit/checkpoint", &head))
	n, err := strconv.Atoi(strings.Split(string(head), "\n")[1])
	must(t, err)
	return n
}

// places: data that may be used at one place only opens from that place's networks, at
// every door; a place whose networks nobody knows is no proof [decisions.md 5].
func places(t *testing.T, r *Rig, doors []Door) {
	d := r.Publish(t, "places", Open(schemas.Duty{Kind: schemas.DutyFactory, Enforced: true}), FileOf(t, numbers(0, 10)))
	for _, f := range []schemas.Factory{{ID: "away", Egress: []string{"203.0.113.0/24", "2001:db8::/32"}}, {ID: "here", Egress: []string{"203.0.113.0/24", "127.0.0.0/8", "::1/128"}}, {ID: "unknown"}} {
		f.Name, f.Country, f.Secure = string(f.ID), "FI", true
		must(t, r.As(t, "operator").Post(t.Context(), "/factories", f, nil))
		var got schemas.Request
		must(t, r.As(t, "trainer").Post(t.Context(), "/requests", map[string]any{"project": "doors", "factory": f.ID, "items": []map[string]any{{"dataset": d.ID}}}, &got))
		id := got.Items[0].Agreement
		lease := r.Lease(t, id)
		for _, door := range doors {
			if f.ID == "here" {
				equal(t, door.Name(), 10, len(ints(all(t, door, lease, id, nil))))
				continue
			}
			refused(t, door, lease, id, nil, schemas.Denied, "only from the network of "+string(f.ID))
		}
	}
}

// named is a record of one column of whole numbers.
func named(column string, values ...int64) arrow.Record {
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema([]arrow.Field{{Name: column, Type: arrow.PrimitiveTypes.Int64}}, nil))
	b.Field(0).(*array.Int64Builder).AppendValues(values, nil)
	return b.NewRecord()
}
