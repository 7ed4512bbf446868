package file

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"guichet/connectors/ipc"
	"guichet/schemas"
)

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
				known.add(messagePlace{offset: at})
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
			if hit && b.Sum != 0 && !known.has(messagePlace{offset: b.Offset}) {
				end = min(from+n, b.Offset+b.Len()) - 1
			}
		}
		want := bytes.Clone(object)
		if bad >= 0 {
			object[bad] ^= 1
			want[bad] ^= 1
		}
		list, lo, length := surroundings(&sh, from, n, 0, known)
		c := &comparingReader{
			body:  io.NopCloser(iotest.OneByteReader(bytes.NewReader(object[lo:][:length]))),
			list:  list,
			skip:  from - lo,
			left:  n,
			known: known,
		}
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
		if end == from+n && (err != nil && err != io.EOF || int64(len(got)) != n) ||
			end < from+n && (schemas.KindOf(err) != schemas.Gone || int64(len(got)) > end-from) { //nolint:errorlint // io.Reader's contract
			t.Fatalf("%d of %d bytes came, %d may: %v", len(got), n, end-from, err)
		}
	})
}
