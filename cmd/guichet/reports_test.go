package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"guichet/connectors/client"
	"guichet/policy/report"
	"guichet/schemas"
)

// sums are those of the releases of a dataset, as the gateway lists them: exact ones, and bounds.
func (g *testGateway) sums(dataset schemas.DatasetID) (exact, most [3]int64) {
	g.t.Helper()
	all, err := client.All[schemas.Release](g.t.Context(), g.as("officer"), "/streams?state=all")
	if err != nil {
		g.t.Fatal(err)
	}
	for _, r := range all {
		switch {
		case r.Dataset != dataset:
		case r.State == schemas.ReleaseOpen:
			most[0], most[1], most[2] = most[0]+1, most[1]+r.MostRows, most[2]+r.MostBytes
		case r.AtMost():
			most[0], most[1], most[2] = most[0]+1, most[1]+r.Rows, most[2]+r.Bytes
		default:
			exact[0], exact[1], exact[2] = exact[0]+1, exact[1]+r.Rows, exact[2]+r.Bytes
		}
	}
	return exact, most
}

// reported are the sums of a report.
func (g *testGateway) reported(path string) (exact, most [3]int64) {
	g.t.Helper()
	var doc report.Document
	g.get("officer", path, &doc)
	table, err := doc.Table("sums")
	if err != nil {
		g.t.Fatal(err)
	}
	for i := range 3 {
		exact[i], _ = table.Rows[0][i].Number()
		most[i], _ = table.Rows[0][3+i].Number()
	}
	return exact, most
}

// Reports sum what real streams sent: whole ones, one that runs, then is cut, and one that the gateway left open
// when it died. As at a checkpoint they stay what they were, through all of it.
func TestReportsOfRealStreams(t *testing.T) {
	t.Parallel()
	g := newGateway(t, "")
	g.populate()
	d := g.published("Winter wheat", csvRows(30_000, 0), csvRows(30_000, 30_000), csvRows(30_000, 60_000))
	id := g.granted(d.ID)[0]
	l := g.lease(id)
	sent := g.streamAll(l.Token, id, "world=2&rank=0") + g.streamAll(l.Token, id, "world=2&rank=1&seed=7")
	uses := "/reports/uses?dataset=" + string(d.ID)
	same := func(when string) (exact, most [3]int64) {
		t.Helper()
		exact, most = g.sums(d.ID)
		for _, path := range []string{uses, "/reports/project?project=" + demoProject(g, id)} {
			e, m := g.reported(path)
			if e != exact || m != most {
				t.Errorf("%s: %s sums %v and at most %v, the releases %v and %v", when, path, e, m, exact, most)
			}
		}
		return exact, most
	}
	if exact, _ := same("two whole ones"); exact[0] != 2 || exact[1] != sent {
		t.Errorf("%v, and %d rows came", exact, sent)
	}
	var kept report.Document
	g.get("officer", uses, &kept)
	at := fmt.Sprintf("%s&at=%d", uses, kept.Checkpoint.Size)
	var first []byte
	g.get("officer", at, &first)

	s := g.slow(l.Token, id, 1000)
	if exact, most := same("one runs"); exact[1] != sent || most[0] != 1 || most[1] != 90_000 {
		t.Errorf("%v and at most %v", exact, most)
	}
	err := g.withdraw(t.Context(), d.ID)
	if err != nil {
		t.Fatal(err)
	}
	cut := g.endedBy(s)
	if exact, most := same("it was cut"); exact[0] != 3 || exact[1] != sent+cut.Rows || most[0] != 0 {
		t.Errorf("%v and at most %v, where the cut one sent %d", exact, most, cut.Rows)
	}
	other := g.published("Barley", csvRows(30_000, 0), csvRows(30_000, 30_000), csvRows(30_000, 60_000))
	barley := g.granted(other.ID)[0]
	left := g.slow(g.lease(barley).Token, barley, 1000)
	g.kill()
	left.s.Close()
	g.start()
	g.verify()
	exact, most := g.sums(other.ID)
	if e, m := g.reported("/reports/uses?dataset=" + string(other.ID)); e != exact || m != most || most[0] != 1 {
		t.Errorf("after a death: %v and at most %v, the releases %v and %v", e, m, exact, most)
	}
	var again []byte
	g.get("officer", at, &again)
	if !bytes.Equal(first, again) || !strings.Contains(string(first), `"streams"`) {
		t.Errorf("as at the same checkpoint it is another one:\n%s\nwas\n%s", again, first)
	}
}

// demoProject is the project of an agreement.
func demoProject(g *testGateway, id schemas.AgreementID) string {
	g.t.Helper()
	var a schemas.Agreement
	g.get("officer", "/agreements/"+string(id), &a)
	return string(a.Project)
}
