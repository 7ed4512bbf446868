package stream

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"guichet/connectors/ipc"
	"guichet/schemas"
)

// TestSums: other bytes under the ETag that was published end what reads them, wherever
// they lie; of an own store they pass, and the sum that ends the stream is the
// published one, not theirs.
func TestSums(t *testing.T) {
	filter := []schemas.Duty{{Kind: schemas.DutyFilter, Filter: &schemas.Filter{Column: "kw0", Op: "gteq", Values: []string{"0.5"}}}}
	hidden := []schemas.Duty{{Kind: schemas.DutyHide, Columns: []string{"meter"}}}
	clean := newLab(t, 0, curves(100_000))
	first := clean.version.Data[0].Splits[0].Shards[0]
	for name, at := range map[string]schemas.Block{"batch": first.Batches[0], "last batch": first.Batches[len(first.Batches)-1], "dictionary": first.Dictionaries[0]} {
		for what, duties := range map[string][]schemas.Duty{"raw": nil, "hidden": hidden, "filtered": filter} {
			t.Run(name+", "+what, func(t *testing.T) {
				l := newLab(t, 0, curves(100_000))
				s := l.source(t, duties)
				sum := l.sum(t, s)
				l.objects["0.arrow"][at.Offset+at.Len()-70] ^= 1 // a value, not padding
				_, err := l.sent(s)
				if schemas.KindOf(err) != schemas.Gone {
					t.Errorf("stream: %v", err)
				}
				f, err := l.engine.Files.Open(t.Context(), s, 0, "who")
				if what != "raw" {
					if schemas.KindOf(err) != schemas.Gone {
						t.Errorf("file: %v", err)
					}
					return
				}
				must(t, err)
				for _, rg := range []Range{{0, f.Size}, {at.Offset + 16, 8}, {at.Offset - 100, 200}} { // whole; inside; over the edge
					n, err := l.ranged(t, f, rg)
					if schemas.KindOf(err) != schemas.Gone || n >= rg.N {
						t.Errorf("%v: %d bytes, %v", rg, n, err)
					}
				}
				l.own.Store(true)
				got, err := l.sent(s)
				if err != nil || got != sum || l.actual(t, s) == sum {
					t.Errorf("an own store: sum %08x, published %08x: %v", got, sum, err)
				}
			})
		}
	}
	for name, rg := range map[string]Range{"inside": {first.Batches[0].Offset + 16, 8}, "edge": {first.Batches[1].Offset - 4, 8}} {
		s := clean.source(t, nil)
		f, err := clean.engine.Files.Open(t.Context(), s, 0, "who")
		must(t, err)
		n, err := clean.ranged(t, f, rg)
		if err != nil || n != rg.N {
			t.Errorf("%s: %d bytes, %v", name, n, err)
		}
	}
}

// sent gives the sum that a stream says.
func (l *lab) sent(s *Source) (sum uint32, err error) {
	p, err := NewPlan(s, Ask{World: 1})
	if err != nil {
		return 0, err
	}
	rd := newReader(s, l.engine.Store, false)
	last := -1
	for _, one := range planReads(s, s.slices(p.Segments), maxRead) {
		res := rd.fetch(context.Background(), one, one.shard != last)
		last = one.shard
		if res.err != nil {
			return 0, res.err
		}
		for _, m := range res.messages {
			sum = m.join(sum)
		}
	}
	return sum, nil
}

func (l *lab) sum(t *testing.T, s *Source) uint32 {
	t.Helper()
	sum, err := l.sent(s)
	must(t, err)
	if s.view.Raw() && sum != l.actual(t, s) {
		t.Error("the sum is not that of the bytes")
	}
	return sum
}

// actual is the sum of the bytes that come.
func (l *lab) actual(t *testing.T, s *Source) (sum uint32) {
	t.Helper()
	l.each(t, s, Ask{World: 1}, func(m Message) { sum = ipc.AddSum(sum, m.Bytes) })
	return sum
}

// ranged reads a range of a file and counts what came.
func (l *lab) ranged(t *testing.T, f *File, rg Range) (int64, error) {
	t.Helper()
	body, err := f.open(t.Context(), l.engine.Store, rg, &comparedMessages{})
	must(t, err)
	defer body.Close()
	return io.Copy(io.Discard, body)
}

// TestSealed: a view's index with another byte is made anew.
func TestSealed(t *testing.T) {
	b := sealed([]byte(`{"format":2}`))
	if string(unsealed(b)) != `{"format":2}` {
		t.Errorf("%q", b)
	}
	for i := range b {
		c := append([]byte(nil), b...)
		c[i] ^= 1
		if unsealed(c) != nil {
			t.Errorf("byte %d: %q", i, c)
		}
	}
	for n := range 12 {
		if unsealed(b[:n]) != nil {
			t.Error(fmt.Sprint(n))
		}
	}
}

// Any range of any messages, some without a sum, some compared before, gives its own bytes
// and no others; where a byte of a message that it touches was changed, it ends before
// the last byte of that message.
func TestComparing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		object := make([]byte, 4096)
		for i := range object {
			object[i] = byte(i*7 + i/256)
		}
		var sh schemas.Shard
		known := &comparedMessages{}
		at := rapid.Int64Range(0, 64).Draw(t, "start")
		first := at
		for range rapid.IntRange(1, 8).Draw(t, "messages") {
			b := schemas.Block{Offset: at, Meta: 16, Body: rapid.Int64Range(0, 200).Draw(t, "body"), Rows: 1}
			if rapid.Bool().Draw(t, "summed") {
				b.Sum = ipc.Sum(object[at:][:b.Len()])
			}
			if rapid.IntRange(0, 3).Draw(t, "known") == 0 {
				known.add(at)
			}
			sh.Batches = append(sh.Batches, b)
			at += b.Len()
		}
		from := rapid.Int64Range(first, at-1).Draw(t, "from")
		n := rapid.Int64Range(1, at-from).Draw(t, "n")
		bad := int64(-1)
		if rapid.Bool().Draw(t, "changed") {
			bad = rapid.Int64Range(first, at-1).Draw(t, "at")
		}
		end := from + n // of what may come
		for _, b := range sh.Batches {
			hit := bad >= b.Offset && bad < b.Offset+b.Len() && b.Offset < from+n && b.Offset+b.Len() > from
			if hit && b.Sum != 0 && !known.has(b.Offset) {
				end = min(from+n, b.Offset+b.Len()) - 1
			}
		}
		want := bytes.Clone(object)
		if bad >= 0 {
			object[bad] ^= 1
			want[bad] ^= 1
		}
		list, lo, length := surroundings(&sh, from, n, known)
		c := &comparing{body: io.NopCloser(iotest.OneByteReader(bytes.NewReader(object[lo:][:length]))), list: list, skip: from - lo, left: n, known: known}
		var got []byte
		var err error
		for int64(len(got)) < n && err == nil {
			buf, k := make([]byte, rapid.IntRange(1, 50).Draw(t, "read")), 0
			k, err = c.Read(buf)
			got = append(got, buf[:k]...)
		}
		if !bytes.Equal(got, want[from:][:len(got)]) {
			t.Fatal("other bytes came")
		}
		if end == from+n && (err != nil && err != io.EOF || int64(len(got)) != n) || end < from+n && (schemas.KindOf(err) != schemas.Gone || int64(len(got)) > end-from) { //nolint:errorlint // io.Reader's contract
			t.Fatalf("%d of %d bytes came, %d may: %v", len(got), n, end-from, err)
		}
	})
}
