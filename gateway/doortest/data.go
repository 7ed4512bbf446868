package doortest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/ipc"

	"guichet/connectors/client"
	"guichet/schemas"
)

// Open is the offer that allows everything, with the duties given.
func Open(duties ...schemas.Duty) schemas.Offer {
	return schemas.Offer{Rules: []schemas.Rule{{Kind: schemas.Permission, Actions: []string{"use"}, Duties: duties}}}
}

// FileOf writes records as one Arrow IPC file.
func FileOf(t testing.TB, recs ...arrow.Record) []byte {
	t.Helper()
	w := &seekBuffer{}
	f, err := ipc.NewFileWriter(w, ipc.WithSchema(recs[0].Schema()))
	must(t, err)
	for _, rec := range recs {
		must(t, f.Write(rec))
	}
	must(t, f.Close())
	return w.b.Bytes()
}

// seekBuffer is what the file writer asks for; it only ever appends.
type seekBuffer struct{ b bytes.Buffer }

func (s *seekBuffer) Write(p []byte) (int, error) { return s.b.Write(p) }
func (s *seekBuffer) Seek(off int64, whence int) (int64, error) {
	if off != 0 || whence != 1 {
		return 0, errors.New("only the place is told here")
	}
	return int64(s.b.Len()), nil
}

// Put writes one shard into the provider's store.
func (r *Rig) Put(t testing.TB, dataset string, n int, file []byte) {
	t.Helper()
	_, err := r.S3.Put(context.Background(), r.Bucket, Key(dataset, n), bytes.NewReader(file), int64(len(file)))
	must(t, err)
}

// Publish registers a dataset, with one table "t" and one split "all", and waits
// until its version is published.
func (r *Rig) Publish(t testing.TB, name string, offer schemas.Offer, shards ...[]byte) schemas.Dataset {
	t.Helper()
	all := schemas.PublicationSplit{Name: "all"}
	for i, b := range shards {
		r.Put(t, name, i, b)
		all.Keys = append(all.Keys, Key(name, i))
	}
	return r.PublishTables(t, name, offer, schemas.PublicationTable{Name: "t", Splits: []schemas.PublicationSplit{all}})
}

// PublishTables is Publish of tables whose shards lie in the store already.
func (r *Rig) PublishTables(t testing.TB, name string, offer schemas.Offer, tables ...schemas.PublicationTable) schemas.Dataset {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p := schemas.Publication{Version: "v1", Store: "local", Tables: tables}
	c := r.As(t, "agronomy")
	var d schemas.Dataset
	must(
		t,
		c.Post(
			ctx,
			"/datasets",
			schemas.Dataset{
				IRI:       "https://agronomy.example/" + name,
				Space:     "agriculture",
				Title:     schemas.Text{"en": name},
				Licence:   "CC-BY-4.0",
				Countries: []string{"FR"},
			},
			&d,
		),
	)
	path := "/datasets/" + string(d.ID)
	must(t, c.Do(ctx, "PUT", path+"/offer", offer, nil))
	must(t, c.Post(ctx, path+"/versions", p, nil))
	_, err := c.WaitPublished(ctx, d.ID, "v1", nil)
	if e, ok := errors.AsType[*schemas.Error](err); ok {
		t.Fatalf("%s: %v", name, e)
	}
	must(t, err)
	must(t, c.Get(ctx, path, &d))
	return d
}

// Agree asks for datasets in one request and gives their agreements: one permit.
func (r *Rig) Agree(t testing.TB, until time.Time, datasets ...schemas.Dataset) []schemas.Agreement {
	t.Helper()
	ctx := context.Background()
	c := r.As(t, "trainer")
	ask := schemas.Request{Project: "doors", Until: until}
	for _, d := range datasets {
		ask.Items = append(ask.Items, schemas.RequestItem{Dataset: d.ID})
	}
	body := map[string]any{"project": "doors", "items": ask.Items}
	if !until.IsZero() {
		body["until"] = until
	}
	var got schemas.Request
	must(t, c.Post(ctx, "/requests", body, &got))
	var out []schemas.Agreement
	for _, it := range got.Items {
		if it.Agreement == "" {
			t.Fatalf("the request is %s: %+v", it.State, it.Decision)
		}
		var a schemas.Agreement
		must(t, c.Get(ctx, "/agreements/"+string(it.Agreement), &a))
		out = append(out, a)
	}
	return out
}

// Lease gives a lease's token on agreements.
func (r *Rig) Lease(t testing.TB, ids ...schemas.AgreementID) string {
	t.Helper()
	l, err := r.As(t, "trainer").Lease(context.Background(), "", ids...)
	must(t, err)
	return l.Token
}

// Ready publishes, agrees and waits until the view can be read; it gives the
// agreement and a lease on it.
func (r *Rig) Ready(t testing.TB, name string, offer schemas.Offer, shards ...[]byte) (schemas.AgreementID, string) {
	t.Helper()
	d := r.Publish(t, name, offer, shards...)
	id := r.Agree(t, time.Time{}, d)[0].ID
	token := r.Lease(t, id)
	r.Manifest(t, id, token)
	return id, token
}

// Manifest reads the trainer's manifest, waiting while a filter's rows are counted.
func (r *Rig) Manifest(t testing.TB, id schemas.AgreementID, token string) schemas.Manifest {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var m schemas.Manifest
	c := r.As(t, "trainer").As(client.Static(token))
	Eventually(t, func() error {
		err := c.Get(ctx, "/agreements/"+string(id)+"/manifest", &m)
		if schemas.KindOf(err) != schemas.Busy {
			must(t, err)
		}
		return err
	})
	return m
}

// Eventually asks until there is no error, for 20 seconds.
func Eventually(t testing.TB, ask func() error) {
	t.Helper()
	last := time.NewTimer(20 * time.Second)
	defer last.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return
		}
		select {
		case <-last.C:
			t.Fatal(err)
		case <-tick.C:
		}
	}
}

// Releases gives an agreement's releases, the last begun last.
func (r *Rig) Releases(t testing.TB, id schemas.AgreementID) []schemas.Release {
	t.Helper()
	all, err := client.All[schemas.Release](context.Background(), r.As(t, "trainer"), "/streams?state=all&agreement="+string(id))
	must(t, err)
	return all
}

// Texts gives each row of a record as one text.
func Texts(rec arrow.Record) []string {
	out := make([]string, rec.NumRows())
	for i := range out {
		var b strings.Builder
		for j, f := range rec.Schema().Fields() {
			fmt.Fprintf(&b, "%s=%s ", f.Name, rec.Column(j).ValueStr(i))
		}
		out[i] = b.String()
	}
	return out
}
