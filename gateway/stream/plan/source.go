package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"guichet/policy/view"
	"guichet/schemas"
)

// Source is one split of one table of a version as an agreement's view shows it.
type Source struct {
	Version schemas.Version
	Table   *schemas.Table
	Split   *schemas.Split
	View    *view.View
	layout  layout
	shards  []shownShard

	permuted *permuted // nil: rows lie in their shards' order
}

// Name is how callers know what it is of: table and split.
func (s *Source) Name() string { return s.Table.Name + "/" + s.Split.Name }

// Rows is the number of rows that the view shows.
func (s *Source) Rows() int64 {
	var n int64
	for i := range s.shards {
		n += s.ShardRows(i)
	}
	return n
}

// ShardRows is the number of rows of shard i.
func (s *Source) ShardRows(i int) int64 { return s.shards[i].rows() }

// Batches gives the rows of each record batch of each shard, in their order. A view that
// filters rows numbers the shards that have any; where none has, one stands for all.
func (s *Source) Batches() [][]int64 {
	out := make([][]int64, len(s.shards))
	for i, sh := range s.shards {
		out[i] = make([]int64, len(sh.starts)-1)
		for j := range out[i] {
			out[i][j] = sh.starts[j+1] - sh.starts[j]
		}
	}
	return out
}

// Columns names the columns of the view with their types as they arrive.
func (s *Source) Columns() []schemas.TableColumn {
	out := make([]schemas.TableColumn, len(s.View.Fields))
	for i, f := range s.View.Fields {
		out[i] = schemas.TableColumn{Name: f.Name, Type: f.Type.String()}
		for _, c := range s.Table.Columns {
			if c.Name == f.Name {
				out[i].Unit, out[i].Concept, out[i].Description, out[i].MediaType = c.Unit, c.Concept, c.Description, c.MediaType
			}
		}
	}
	return out
}

// NumShards is the number of shards that are shown.
func (s *Source) NumShards() int { return len(s.shards) }

// SharedDictionaries gives the dictionaries of shard i that come once for all of its batches.
func (s *Source) SharedDictionaries(i int) []schemas.Block { return s.layout.dictionaries(i) }

// Regrouped says that the batches shown are not those that are stored, because rows are
// filtered: origins finds where the rows of a slice lie.
func (s *Source) Regrouped() bool { return s.layout.regrouped() }

// Origins finds the rows of a slice of a regrouped source.
func (s *Source) Origins(sl Slice) []Origin { return s.layout.origins(sl) }

// OutputBound bounds the bytes that are made of a slice, beside what is read for it. No client may
// see it: it may look at what is hidden.
func (s *Source) OutputBound(sl Slice) int64 { return s.layout.outputBound(sl) }

// StoredShard is where the rows of shard i lie; of a permuted source, of shard i of what is
// permuted.
func (s *Source) StoredShard(i int) *schemas.Shard {
	if s.permuted != nil {
		return s.permuted.base.StoredShard(i)
	}
	return &s.Split.Shards[s.shards[i].place]
}

// Schema is the view's schema message.
func (s *Source) Schema() []byte { return s.View.Schema }

// Pick finds table and split; the only one may be left out.
func Pick(v *schemas.Version, table, split string) (*schemas.Table, *schemas.Split, error) {
	var t *schemas.Table
	names := []string{}
	for i := range v.Data {
		names = append(names, v.Data[i].Name)
		if v.Data[i].Name == table || table == "" && len(v.Data) == 1 {
			t = &v.Data[i]
		}
	}
	if t == nil {
		return nil, nil, schemas.BadField("stream", "table", "%s; the version has the tables %s", missing("table", table),
			strings.Join(names, ", "))
	}
	names = names[:0]
	for i := range t.Splits {
		names = append(names, t.Splits[i].Name)
		if t.Splits[i].Name == split || split == "" && len(t.Splits) == 1 {
			return t, &t.Splits[i], nil
		}
	}
	return nil, nil, schemas.BadField("stream", "split", "%s; table %s has the splits %s", missing("split", split), t.Name,
		strings.Join(names, ", "))
}

func missing(what, name string) string {
	if name == "" {
		return "say which " + what
	}
	return fmt.Sprintf("there is no %s %q", what, name)
}

// NewSource puts a view over a split whose rows lie as they are stored. A view that
// filters rows gets its own layout by NewFilteredSource; over this one its index is made.
func NewSource(v schemas.Version, t *schemas.Table, s *schemas.Split, vw *view.View) *Source {
	return sourceOf(v, t, s, vw, &stored{vw, s})
}

// NewFilteredSource puts a view that filters rows over a split. ix is the index of the
// widest view of its agreement: one with fewer columns has the same batches.
func NewFilteredSource(v schemas.Version, t *schemas.Table, s *schemas.Split, vw, widest *view.View, ix *RowIndex) *Source {
	return sourceOf(v, t, s, vw, newFiltered(vw, widest, ix, s))
}

func sourceOf(v schemas.Version, t *schemas.Table, s *schemas.Split, vw *view.View, l layout) *Source {
	return &Source{Version: v, Table: t, Split: s, View: vw, layout: l, shards: l.shards()}
}

// ViewDigest names what a view shows of a split's rows: read again with other columns they
// are other data.
func (s *Source) ViewDigest() string {
	h := sha256.New()
	fmt.Fprintf(h, "guichet reading 1\x00%s\x00", s.View.Digest)
	h.Write(s.View.Schema)
	digest := hex.EncodeToString(h.Sum(nil)[:16])
	if s.permuted != nil {
		return s.permuted.digest(digest)
	}
	return digest
}
