package report

import (
	"bytes"
	"cmp"
	"container/heap"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
	"time"

	"guichet/schemas"
)

// mostDrawn bounds a sample.
const mostDrawn = 1000

// drawn is a release with its lot.
type drawn struct {
	lot   [sha256.Size]byte
	index int64
}

// drawing keeps the smallest lots, the largest of them first.
type drawing []drawn

func (d drawing) Len() int           { return len(d) }
func (d drawing) Less(i, j int) bool { return bytes.Compare(d[i].lot[:], d[j].lot[:]) > 0 }
func (d drawing) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }

// Push implements heap.Interface.
func (d *drawing) Push(x any) { *d = append(*d, x.(drawn)) } //nolint:forcetypeassert // nothing else is pushed

// Pop implements heap.Interface.
func (d *drawing) Pop() any {
	last := (*d)[len(*d)-1]
	*d = (*d)[:len(*d)-1]
	return last
}

// lot is SHA-256 of "guichet sample 1", the root of the checkpoint, the seed and the index, each with a newline;
// the index in eight bytes, big end first. Who names a seed cannot choose what it draws, and anybody draws again.
func lot(root, seed string, index int64) [sha256.Size]byte {
	b := []byte("guichet sample 1\n" + root + "\n" + seed + "\n")
	return sha256.Sum256(binary.BigEndian.AppendUint64(b, uint64(index)))
}

// sample draws releases: those whose lots are the smallest.
func sample(m *making) error {
	size, err := strconv.Atoi(m.ask.Parameters["size"])
	if err != nil || size < 1 || size > mostDrawn {
		return schemas.BadField("report", "size", "%.20q is no number of releases from 1 to %d", m.ask.Parameters["size"], mostDrawn)
	}
	q := m.query
	q.Kinds = []string{schemas.ChangeReleaseBegin}
	var kept drawing
	of := int64(0)
	err = positions(m.ctx, m.db, q, func(index int64, _ string) error {
		of++
		x := drawn{lot(m.doc.Checkpoint.Root, m.ask.Parameters["seed"], index), index}
		switch {
		case len(kept) < size:
			heap.Push(&kept, x)
		case bytes.Compare(x.lot[:], kept[0].lot[:]) < 0:
			kept[0] = x
			heap.Fix(&kept, 0)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(kept, func(a, b drawn) int { return cmp.Compare(a.index, b.index) })
	rows, err := m.drawn(kept)
	if err != nil {
		return err
	}
	drawnFrom := [][]Cell{{number(of), number(int64(len(kept)))}}
	m.doc.add("population", "What was drawn from", OfRecord, "streams number", drawnFrom)
	m.doc.add("sample", "The releases that were drawn", OfRecord, "begin day release participant project purpose agreement dataset "+
		"version run rows_at_most bytes_at_most end state rows bytes", rows)
	return nil
}

// drawn tells the releases that were drawn, each with its end.
func (m *making) drawn(kept drawing) (rows [][]Cell, err error) {
	at := make([]int64, len(kept))
	for i, x := range kept {
		at[i] = x.index
	}
	begin, end := schemas.ChangeReleaseBegin, schemas.ChangeReleaseEnd
	names := []string{"release", "participant", "project", "purpose", "agreement", "dataset", "version", "run"}
	for part := range slices.Chunk(at, inChunk) {
		m.stands = append(m.stands, part...)
		records, err := read(m.ctx, m.db, chunk{part, make([]uint8, len(part))}, []string{begin}, wanted{begin: names})
		if err != nil {
			return nil, err
		}
		for i := range records {
			r := &records[i]
			row := []Cell{number(r.index), text(r.day())}
			for _, n := range names {
				row = append(row, text(r.value(n)))
			}
			rows = append(rows, append(row, number(r.leaf.number("most_rows")), number(r.leaf.number("most_bytes")),
				Cell{}, text(string(schemas.ReleaseOpen)), Cell{}, Cell{}))
		}
	}
	ends := map[string][]Cell{}
	for i := range rows {
		ends[rows[i][2].String()] = rows[i]
	}
	agreements := map[string]bool{}
	for _, row := range rows { // an end is found by its agreement: of releases there is no index
		id := row[6].String()
		if agreements[id] {
			continue
		}
		agreements[id] = true
		q := m.query
		q.From, q.To, q.Values = time.Time{}, time.Time{}, map[string]string{"agreement": id} // whenever it ended
		err := each(m.ctx, m.db, q, wanted{end: {"release", "state"}}, func(r *record) error {
			row, is := ends[r.value("release")]
			if !is {
				return nil
			}
			m.stands = append(m.stands, r.index)
			row[12], row[13] = number(r.index), text(r.value("state"))
			bound := schemas.Release{State: schemas.ReleaseState(r.value("state"))}
			if !bound.AtMost() {
				row[14], row[15] = number(r.leaf.number("rows")), number(r.leaf.number("bytes"))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}
