// Package transform changes columns and picks rows as obligations demand.
//
// In: decoded arrow arrays and records, duties. Out: new arrays, the rows that
// stay. Always: null stays null; equal values give equal results; a type that a
// duty cannot be carried out on is an error when the view is made, never a value
// that passes unchanged. It must not know stores, messages or callers.
//
// What becomes of values:
//
//	pseudonymise       "Ada"  "Bob"  null  "Ada"   ▶  3f1c…  9a07…  null  3f1c…   16 bytes each
//	generalise 10       19     -1    null   20     ▶  10     -10    null  20
//	generalise first:2 "Ada"  "Žan"  null   "a"    ▶  "Ad"   "Ža"   null  "a"
//	generalise month    2026-02-28   null          ▶  2026-02-01    null
//	filter n gteq 20    19     20    null   21     ▶  rows 1 and 3 stay
package transform

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"guichet/schemas"
)

// Column changes one column.
type Column interface {
	Type() arrow.DataType                     // of the result
	Most() int64                              // bytes of the longest value that Apply can make
	Apply(a arrow.Array) (arrow.Array, error) // same length, nulls where they were
}

// Linkage is where equal values get equal pseudonyms.
type Linkage struct {
	Derivation int // of the agreement; 0 is 1, by the permit alone, which is kept for what was given out
	Permit     schemas.RequestID
	Provider   schemas.ParticipantID
	Dataset    schemas.DatasetID
	Column     string
	Domain     string   // the joint domain in place of provider, dataset and column; "" is none
	Parties    []string // all of the joint domain's; they are part of it, so that nobody joins without being named by the others
}

// PseudonymKey derives the key of a linkage from the site's master key: pseudonyms join
// inside it and nowhere else [decisions.md 14].
func PseudonymKey(master []byte, l Linkage) ([]byte, error) {
	// The label is the key's name for ever: another one would part pseudonyms that a trainer
	// has from those of tomorrow.
	info := "guichet pseudonym 1\x00" + string(l.Permit)
	switch {
	case l.Derivation > 2:
		return nil, fmt.Errorf("pseudonyms of derivation %d are not known to this version", l.Derivation)
	case l.Derivation == 2:
		parts := []any{"guichet pseudonym 2", l.Permit, "column", l.Provider, l.Dataset, l.Column}
		if l.Domain != "" {
			parties := append(slices.Clone(l.Parties), string(l.Provider))
			slices.Sort(parties)
			parts = []any{"guichet pseudonym 2", l.Permit, "joint", l.Domain, slices.Compact(parties)}
		}
		b, err := json.Marshal(parts) // where one part ends and the next begins is unmistakable
		if err != nil {
			return nil, fmt.Errorf("name the linkage: %w", err)
		}
		info = string(b)
	}
	k, err := hkdf.Key(sha256.New, master, nil, info, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive the pseudonym key: %w", err)
	}
	return k, nil
}

// Width is the bytes of a pseudonym.
const Width = 16

type pseudonym struct{ key []byte }

// Pseudonymise replaces values by 16 bytes of HMAC-SHA256 over their text, which nobody
// without the key can compute or turn back, and by which columns of one linkage join: the
// number 42 and the text "42" give the same pseudonym. Any flat type.
func Pseudonymise(from arrow.DataType, key []byte) (Column, error) {
	if arrow.IsNested(from.ID()) {
		return nil, fmt.Errorf("columns of type %s cannot be pseudonymised", from)
	}
	return &pseudonym{key}, nil
}

func (*pseudonym) Type() arrow.DataType { return &arrow.FixedSizeBinaryType{ByteWidth: Width} }

func (*pseudonym) Most() int64 { return Width }

func (p *pseudonym) Apply(a arrow.Array) (arrow.Array, error) {
	mac := hmac.New(sha256.New, p.key)
	if d, ok := a.(*array.Dictionary); ok {
		return p.dictionary(mac, d)
	}
	b := array.NewFixedSizeBinaryBuilder(memory.DefaultAllocator, &arrow.FixedSizeBinaryType{ByteWidth: Width})
	b.Reserve(a.Len())
	var sum [sha256.Size]byte
	var last, made []byte
	text := textOf(a)
	for i := range a.Len() {
		if a.IsNull(i) {
			b.AppendNull()
			continue
		}
		// A copy of the last text is cheaper than a digest of the same one again.
		if t := text(i); made == nil || !bytes.Equal(t, last) { // rows of one person often follow each other
			last, made = append(last[:0], t...), digest(mac, t, &sum)
		}
		b.Append(made)
	}
	return b.NewArray(), nil
}

// dictionary maps each value once: a column of a million rows may name some hundred people.
func (p *pseudonym) dictionary(mac hash.Hash, d *array.Dictionary) (arrow.Array, error) {
	values := d.Dictionary()
	mapped := make([][]byte, values.Len())
	text := textOf(values)
	var sum [sha256.Size]byte
	for i := range mapped {
		if !values.IsNull(i) {
			mapped[i] = append([]byte(nil), digest(mac, text(i), &sum)...)
		}
	}
	b := array.NewFixedSizeBinaryBuilder(memory.DefaultAllocator, &arrow.FixedSizeBinaryType{ByteWidth: Width})
	b.Reserve(d.Len())
	for i := range d.Len() {
		if d.IsNull(i) || mapped[d.GetValueIndex(i)] == nil {
			b.AppendNull()
			continue
		}
		b.Append(mapped[d.GetValueIndex(i)])
	}
	return b.NewArray(), nil
}

func digest(mac hash.Hash, text []byte, sum *[sha256.Size]byte) []byte {
	mac.Reset()
	mac.Write(text)
	return mac.Sum(sum[:0])[:Width]
}

// textOf gives a value's text, until the next one is asked for. The common types are read
// without a string for each value; ValueStr is what their text is too.
func textOf(a arrow.Array) func(i int) []byte {
	var text []byte
	switch a := a.(type) {
	case *array.String:
		return func(i int) []byte { text = append(text[:0], a.Value(i)...); return text }
	case *array.LargeString:
		return func(i int) []byte { text = append(text[:0], a.Value(i)...); return text }
	case *array.Binary:
		return a.Value
	case *array.FixedSizeBinary:
		return a.Value
	case *array.Int64:
		return func(i int) []byte { text = strconv.AppendInt(text[:0], a.Value(i), 10); return text }
	default:
		return func(i int) []byte { return []byte(a.ValueStr(i)) }
	}
}
