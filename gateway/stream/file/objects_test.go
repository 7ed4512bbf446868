package file

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"guichet/connectors/ipc"
	"guichet/gateway/stream/streamtest"
	"guichet/schemas"
)

// pictures is a lab whose table is of objects, of which each has pieces of 100 bytes.
func pictures(t *testing.T, sizes ...int) *lab {
	t.Helper()
	l := people(t, 64)
	l.Objects = map[string][]byte{}
	s := schemas.Split{Name: "all"}
	for i, n := range sizes {
		b := bytes.Repeat([]byte{byte('a' + i)}, n)
		sum := sha256.Sum256(b)
		name := fmt.Sprintf("%d.png", i)
		l.Objects[name] = b
		o := schemas.Shard{Name: name, MediaType: "image/png", Store: "s", Bucket: "lab", Key: name, ETag: name, Size: int64(n), Rows: 1,
			SHA256: hex.EncodeToString(sum[:]), Batches: []schemas.Block{{Rows: 1}}}
		for at := 0; at < n; at += 100 {
			piece := schemas.Block{Offset: int64(at), Body: int64(min(100, n-at)), Sum: ipc.Sum(b[at:min(at+100, n)])}
			if at == 0 {
				piece.Rows = 1
				o.Batches = nil
			}
			o.Batches = append(o.Batches, piece)
		}
		s.Shards = append(s.Shards, o)
	}
	l.Version.Data = []schemas.Table{{Name: "t", Objects: true, Splits: []schemas.Split{s}}}
	return l
}

// look finds an object of the lab.
func (l *lab) look(at int) *File { return LookObject(&l.Version, l.Table.Table(), l.Split(), at) }

// TestObjectsAreOneRelease: objects of a split that are read under one lease are one release, an
// object is one row of it however often it is read, and its end says which they were.
func TestObjectsAreOneRelease(t *testing.T) {
	l := pictures(t, 250, 0, 90, 300)
	for at, rg := range map[int]Range{0: {100, 150}, 3: {0, 300}} {
		for range 2 {
			got, err := l.send(t, l.look(at), rg)
			streamtest.Must(t, err)
			if want := l.Objects[fmt.Sprintf("%d.png", at)][rg.From : rg.From+rg.N]; !bytes.Equal(got, want) {
				t.Errorf("object %d %+v: %d bytes, want %d", at, rg, len(got), len(want))
			}
		}
	}
	l.stop()
	begun, ended := l.record.All()
	if len(begun) == 0 || begun[0].MostRows != 4 || begun[0].MostBytes != 640 || begun[0].Ask != "objects" || begun[0].Columns != "[]" && begun[0].Columns != "" {
		t.Fatalf("begun %+v", begun)
	}
	var rows, sent int64
	for _, r := range ended {
		rows += r.Rows
		sent += r.Bytes
	}
	if sent != 900 || len(ended) != len(begun) || rows < 2 || rows > 3 { // 900 bytes are more than all have, so a second release began
		t.Errorf("ended %+v", ended)
	}
	if !slices.ContainsFunc(ended, func(r schemas.Release) bool { return strings.HasPrefix(r.Ask, "objects=") }) {
		t.Errorf("no end says which objects: %+v", ended)
	}
	f := l.look(1)
	if f.Size != 0 || f.MediaType() != "image/png" || f.SHA256() != f.ETag || len(f.sections) != 0 {
		t.Errorf("the empty one is %+v", f)
	}
}

// TestObjectsAreCompared: where the operator does not answer for the store, bytes that are not
// those that were published end the range with an error, and no byte of their piece leaves.
func TestObjectsAreCompared(t *testing.T) {
	l := pictures(t, 1000)
	l.Objects["0.png"][555] ^= 1
	got, err := l.send(t, l.look(0), Range{100, 800})
	if err == nil || schemas.KindOf(err) != schemas.Gone || len(got) > 400 {
		t.Errorf("%d bytes went out, %v", len(got), err)
	}
	_, err = l.send(t, l.look(0), Range{600, 400})
	streamtest.Must(t, err) // another piece
	_, err = l.send(t, l.look(0), Range{550, 1})
	if err == nil {
		t.Error("a byte of the piece went out")
	}
	l.Table.Objects["0.png"] = l.Table.Objects["0.png"][:700]
	_, err = l.send(t, l.look(0), Range{600, 400})
	if err == nil {
		t.Error("an object that became shorter is read")
	}
}

// TestEachObjectIsCompared: objects are read in one release and begin at 0 each; that one was
// compared says nothing of another.
func TestEachObjectIsCompared(t *testing.T) {
	l := pictures(t, 250, 250)
	l.Objects["1.png"][150] ^= 1
	_, err := l.send(t, l.look(0), Range{0, 250})
	streamtest.Must(t, err)
	got, err := l.send(t, l.look(1), Range{0, 250})
	if schemas.KindOf(err) != schemas.Gone || len(got) > 100 {
		t.Errorf("%d bytes of a changed object went out, %v", len(got), err)
	}
}

func TestNameTouched(t *testing.T) {
	touch := func(at ...int) string {
		touched := make([]bool, 5000)
		for _, i := range at {
			touched[i] = true
		}
		return nameTouched(touched)
	}
	for want, at := range map[string][]int{
		"objects=": nil, "objects=0": {0}, "objects=7": {7}, "objects=0-2,4,9-10": {0, 1, 2, 4, 9, 10}, "objects=4999": {4999},
	} {
		if got := touch(at...); got != want {
			t.Errorf("%v are %q, not %q", at, got, want)
		}
	}
	var many []int
	for i := 0; i < 5000; i += 2 {
		many = append(many, i)
	}
	got := touch(many...)
	list, more, _ := strings.Cut(strings.TrimPrefix(got, "objects="), " and ")
	if n := len(strings.Split(list, ",")); len(got) > maxTouched+30 || more != fmt.Sprintf("%d more", 2500-n) {
		t.Errorf("%d bytes name %d objects and %q", len(got), n, more)
	}
}
