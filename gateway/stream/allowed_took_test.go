package stream

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	arrowipc "github.com/apache/arrow/go/v17/arrow/ipc"
	"pgregory.net/rapid"

	"guichet/connectors/db"
	"guichet/connectors/ipc"
	"guichet/gateway/stream/file"
	"guichet/gateway/stream/plan"
	"guichet/gateway/stream/read"
	"guichet/schemas"
)

// allows holds the columns that came against lease and agreement, which say them all.
func (k *client) allows(l *schemas.Lease, id schemas.AgreementID, fields []arrow.Field) {
	a := k.terms[id]
	item := l.Items[slices.IndexFunc(l.Items, func(it schemas.LeaseItem) bool { return it.Agreement == id })]
	for _, f := range fields {
		for _, only := range [][]string{a.Columns, item.Columns} {
			if len(only) > 0 && !slices.Contains(only, f.Name) {
				k.t.Fatalf("column %s came; the agreement covers %v, the lease %v", f.Name, a.Columns, item.Columns)
			}
		}
		for _, o := range a.Obligations {
			if o.Kind == schemas.DutyHide && slices.Contains(o.Columns, f.Name) ||
				o.Kind == schemas.DutyPseudonymise && slices.Contains(o.Columns, f.Name) && f.Type.ID() != arrow.FIXED_SIZE_BINARY {
				k.t.Fatalf("column %s came as %s under %+v", f.Name, f.Type, o)
			}
		}
	}
}

// charge counts what came under an agreement in each of its budgets.
func (k *client) charge(id schemas.AgreementID, rows, bytes int64) {
	a := k.terms[id]
	for _, o := range a.Obligations {
		if o.Kind != schemas.DutyBudget {
			continue
		}
		name := fmt.Sprint(a.Dataset, " ", o.Rows, " ", o.Bytes)
		if o.Rule == "request" {
			name = string(id)
		}
		p := k.purses[name]
		if p == nil {
			p = &purseOf{rows: o.Rows, bytes: o.Bytes}
			k.purses[name] = p
		}
		p.got, p.sent = p.got+rows, p.sent+bytes
		if p.rows > 0 && p.got > p.rows || p.bytes > 0 && p.sent > p.bytes {
			k.t.Fatalf("the project got %d of %d rows, %d of %d bytes of %s", p.got, p.rows, p.sent, p.bytes, name)
		}
	}
}

// taken is a stream as its client has it.
type taken struct {
	bytes.Buffer
	release  schemas.ReleaseID
	messages []read.Message
}

func (s *taken) Begin(_ context.Context, r schemas.Release, p *plan.Plan) error {
	s.release = r.ID
	s.Write(p.Source.Schema())
	return nil
}

func (s *taken) Message(m read.Message) error {
	s.Write(m.Bytes)
	m.Bytes = make([]byte, len(m.Bytes))
	s.messages = append(s.messages, m)
	return nil
}

func (s *taken) End(uint32) error { return nil }

func (k *client) stream() {
	ctx := context.Background()
	g, l, ask, ok := k.grant(false)
	if !ok {
		return
	}
	src, err := k.Source(ctx, g)
	if schemas.KindOf(err) == schemas.Denied {
		return
	}
	k.must(err)
	p, err := plan.NewPlan(src, ask)
	if schemas.KindOf(err) == schemas.Invalid {
		return
	}
	k.must(err)
	s := &taken{}
	_, err = k.Engine.Run(ctx, g, p, s, nil)
	if err != nil && schemas.KindOf(err) != schemas.Denied {
		k.t.Fatal(err)
	}
	if err != nil {
		k.spent++
	}
	if s.release == "" {
		return
	}
	k.came++
	id := g.Agreement().ID
	rd, err := arrowipc.NewReader(bytes.NewReader(append(s.Bytes(), ipc.EndOfStream()...)))
	k.must(err)
	k.allows(&l.Lease, id, rd.Schema().Fields())
	var came []int64 // the numbers of the rows, where they are shown
	if at := rd.Schema().FieldIndices("n"); len(at) == 1 {
		for rd.Next() {
			came = append(came, rd.Record().Column(at[0]).(*array.Int64).Int64Values()...)
		}
		k.must(rd.Err())
	}
	rd.Release()
	places := placesOf(p.Stored())
	at := int64(0)
	for _, m := range s.messages {
		fresh := int64(0)
		for _, row := range places[at : at+m.Rows] {
			key := fmt.Sprint(id, " ", g.Asked().Run, " ", ask.Epoch, " ", p.Source.ViewDigest(), " ", row)
			if g.Asked().Run == "" || !k.read[key] {
				fresh++
				k.read[key] = g.Asked().Run != ""
			}
			if l.OnePart {
				k.part(l, src, row)
			}
		}
		cost := int64(len(m.Bytes))
		if fresh == 0 {
			cost = 0
		}
		k.charge(id, fresh, cost)
		at += m.Rows
		k.rows[s.release] += m.Rows
		k.bytes[s.release] += int64(len(m.Bytes))
	}
	if came != nil && !slices.Equal(came, places[:at]) {
		k.t.Fatalf("the rows %v came, the plan said %v", came, places[:at])
	}
}

// part holds a row against the one part that a lease is for.
func (k *client) part(l schemas.LeaseAnswer, src *plan.Source, row int64) {
	if k.parts[l.Lease.ID] == nil {
		o := l.Lease.Order
		a, err := plan.ParseAsk(func(key string) string {
			return map[string]string{"seed": o.Seed, "epoch": fmt.Sprint(o.Epoch), "start": o.Start, "even": o.Even, "shuffle": o.Shuffle, "order": numberOf(o),
				"world": fmt.Sprint(*l.Lease.World), "rank": fmt.Sprint(*l.Lease.Rank)}[key]
		})
		k.must(err)
		p, err := plan.NewPlan(src, a)
		k.must(err)
		k.parts[l.Lease.ID] = map[int64]bool{}
		for _, r := range placesOf(p.Stored()) {
			k.parts[l.Lease.ID][r] = true
		}
	}
	if !k.parts[l.Lease.ID][row] {
		k.t.Fatalf("row %d is not of the part that the lease %+v is for", row, l.Lease)
	}
}

func placesOf(segments []schemas.Segment) (out []int64) {
	for _, s := range segments {
		for i := range s.Rows {
			out = append(out, int64(s.Shard)*counterRows+s.From+i)
		}
	}
	return out
}

// fragment takes a range of a file.
type fragment struct {
	bytes.Buffer
	release schemas.ReleaseID
	most    int64 // bytes that the release covers
}

func (s *fragment) Begin(_ context.Context, r schemas.Release, _ *file.File) error {
	s.release, s.most = r.ID, r.MostBytes
	return nil
}

func (s *fragment) Write(p []byte) error {
	_, err := s.Buffer.Write(p)
	return err
}

// files reads ranges of a shard under one lease, which join one release, and ends it.
func (k *client) files() {
	ctx := context.Background()
	g, l, _, ok := k.grant(true)
	if !ok {
		return
	}
	engine := New(k.Engine.Config)
	src, err := engine.Source(ctx, g)
	if schemas.KindOf(err) == schemas.Denied {
		return
	}
	k.must(err)
	f, err := engine.Files.Open(ctx, src, rapid.IntRange(0, counterShards-1).Draw(k.t, "shard"), l.Lease.Participant)
	k.must(err)
	defer f.Close()
	batches := slices.DeleteFunc(src.Batches()[f.Shard], func(rows int64) bool { return rows == 0 })
	touched, sent := map[int]bool{}, int64(0)
	for range rapid.IntRange(1, 3).Draw(k.t, "ranges") {
		from := rapid.Int64Range(0, f.Size-1).Draw(k.t, "first byte")
		rg := file.Range{From: from, N: rapid.Int64Range(1, f.Size-from).Draw(k.t, "bytes")}
		s := &fragment{}
		err := engine.Files.Send(ctx, g, f, rg, s, nil)
		if err != nil && schemas.KindOf(err) != schemas.Denied {
			k.t.Fatal(err)
		}
		if err != nil {
			k.spent++
		}
		if s.Len() == 0 {
			break
		}
		k.came++
		k.allows(&l.Lease, g.Agreement().ID, src.View.Fields)
		first, last, _ := f.Touched(file.Range{From: from, N: int64(s.Len())})
		rows := int64(0)
		for i := first; i < last; i++ {
			if !touched[i] {
				rows += batches[i]
			}
			touched[i] = true
		}
		k.charge(g.Agreement().ID, rows, int64(s.Len()))
		k.rows[s.release] += rows
		k.bytes[s.release] += int64(s.Len())
		sent += int64(s.Len())
		if err != nil || sent+f.Size > s.most {
			break // the next one begins another release
		}
	}
	engine.Shutdown(ctx) // which ends the release
}

// settled holds agreements and record against what came, when every release has ended.
func (k *client) settled(head int64) {
	ctx := context.Background()
	for id := range k.terms {
		a, err := k.agreements.Get(ctx, asTrainer(), id)
		k.must(err)
		rows, bytes := int64(-1), int64(-1)
		for _, o := range a.Obligations {
			if o.Kind != schemas.DutyBudget {
				continue
			}
			name := fmt.Sprint(a.Dataset, " ", o.Rows, " ", o.Bytes)
			if o.Rule == "request" {
				name = string(id)
			}
			p := cmp.Or(k.purses[name], &purseOf{})
			if o.Rows > 0 && (rows < 0 || o.Rows-p.got < rows) {
				rows = o.Rows - p.got
			}
			if o.Bytes > 0 && (bytes < 0 || o.Bytes-p.sent < bytes) {
				bytes = o.Bytes - p.sent
			}
		}
		if rows >= 0 && (a.Left == nil || a.Left.Rows == nil || *a.Left.Rows != rows) ||
			bytes >= 0 && (a.Left == nil || a.Left.Bytes == nil || *a.Left.Bytes > bytes) {
			k.t.Fatalf("%d rows and at most %d bytes are left, the agreement says %+v", rows, bytes, a.Left)
		}
	}
	ends := map[string]db.Leaf{}
	for {
		changes, err := k.db.Changes(ctx, head, 1000)
		k.must(err)
		for _, c := range changes {
			head = c.Position + 1
			if c.Kind == schemas.ChangeReleaseEnd {
				ends[c.Subject], err = db.ParseLeaf(c.Leaf)
				k.must(err)
			}
		}
		if len(changes) < 1000 {
			break
		}
	}
	for id, rows := range k.rows {
		leaf, ended := ends[string(id)]
		if !ended || leaf.Numbers["rows"] != rows || leaf.Numbers["bytes"] < k.bytes[id] {
			k.t.Fatalf("of release %s came %d rows and %d bytes; the record says %v, ended %t", id, rows, k.bytes[id], leaf.Numbers, ended)
		}
	}
}
