package segment

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	segments "github.com/blevesearch/scorch_segment_api/v2"
)

// Number writes a number as a term, so that terms are in the order of their numbers.
func Number(n int64) string {
	return string(binary.BigEndian.AppendUint64(nil, uint64(n)^1<<63))
}

// Span writes two ends as a term, both included.
func Span(from, to int32) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(from)^1<<31)
	return string(binary.BigEndian.AppendUint32(b, uint32(to)^1<<31))
}

// Degrees are a longitude and a latitude.
type Degrees struct{ Lon, Lat float32 }

// Box writes a box as a term, by its corners in the south-west and the north-east.
func Box(from, to Degrees) string {
	var b []byte
	for _, f := range []float32{from.Lon, from.Lat, to.Lon, to.Lat} {
		b = binary.BigEndian.AppendUint32(b, math.Float32bits(f))
	}
	return string(b)
}

// measure reads what documents are sorted and narrowed by.
func (c *columns) measure(seg segments.Segment, fields *Fields) error {
	c.numbers, c.stems = map[string][]int64{}, map[string]bool{}
	for _, name := range fields.Numbers {
		of := make([]int64, len(c.rank))
		err := eachTerm(seg, name, func(text string, docs *roaring.Bitmap) {
			if len(text) != 8 {
				return
			}
			n := int64(binary.BigEndian.Uint64([]byte(text)) ^ 1<<63)
			docs.Iterate(func(doc uint32) bool {
				of[doc] = n
				return true
			})
		})
		if err != nil {
			return err
		}
		c.numbers[name] = of
	}
	c.sortedBy, c.titles = fields.Text, make([]uint32, len(c.rank))
	place := uint32(0)
	err := eachTerm(seg, fields.Text, func(_ string, docs *roaring.Bitmap) {
		place++
		docs.Iterate(func(doc uint32) bool {
			c.titles[doc] = place
			return true
		})
	})
	if err == nil {
		c.spans, err = ends(seg, fields.Spans, 8, func(b []byte) (from, to int32) {
			return int32(binary.BigEndian.Uint32(b) ^ 1<<31), int32(binary.BigEndian.Uint32(b[4:]) ^ 1<<31)
		})
	}
	if err == nil {
		c.boxes, err = ends(seg, fields.Boxes, 16, func(b []byte) (from, to Degrees) {
			at := func(i int) float32 { return math.Float32frombits(binary.BigEndian.Uint32(b[4*i:])) }
			return Degrees{at(0), at(1)}, Degrees{at(2), at(3)}
		})
	}
	for _, language := range fields.Stems {
		if err == nil {
			c.stems[language], err = begins(seg, fields.Words, language+"/")
		}
	}
	return err
}

// ends reads a field of two ends, in the order of the documents.
func ends[T any](seg segments.Segment, name string, size int, read func(b []byte) (from, to T)) ([]placed[T], error) {
	if name == "" {
		return nil, nil
	}
	var out []placed[T]
	err := eachTerm(seg, name, func(text string, docs *roaring.Bitmap) {
		if len(text) != size {
			return
		}
		from, to := read([]byte(text))
		docs.Iterate(func(doc uint32) bool {
			out = append(out, placed[T]{doc, from, to})
			return true
		})
	})
	slices.SortStableFunc(out, func(a, b placed[T]) int { return int(a.doc) - int(b.doc) })
	return slices.Clip(out), err
}

// begins says whether a field has a term that begins with some letters.
func begins(seg segments.Segment, field, with string) (bool, error) {
	dict, err := seg.Dictionary(field)
	if err != nil {
		return false, fmt.Errorf("read the words of %s: %w", field, err)
	}
	found := false
	err = terms(dict, with, func(text string) (bool, error) {
		found = len(text) >= len(with) && text[:len(with)] == with
		return false, nil
	})
	return found, err
}

// Limit narrows hits by numbers.
type Limit interface {
	// docs are the documents that pass; those that are not within, which nil is all, may be among them.
	docs(c *columns, within *roaring.Bitmap) *roaring.Bitmap
}

// Numbers finds what has a number from Min to Max in a field.
type Numbers struct {
	Field    string
	Min, Max int64
}

func (x Numbers) docs(c *columns, within *roaring.Bitmap) *roaring.Bitmap {
	out := roaring.New()
	of := c.numbers[x.Field]
	if within == nil {
		for doc, n := range of {
			if x.Min <= n && n <= x.Max {
				out.Add(uint32(doc))
			}
		}
		return out
	}
	within.Iterate(func(doc uint32) bool {
		if n := of[doc]; x.Min <= n && n <= x.Max {
			out.Add(doc)
		}
		return true
	})
	return out
}

// Overlaps finds what has a span that shares a point with one from Min to Max.
type Overlaps struct{ Min, Max int32 }

func (x Overlaps) docs(c *columns, _ *roaring.Bitmap) *roaring.Bitmap {
	out := roaring.New()
	for _, s := range c.spans {
		if s.from <= x.Max && x.Min <= s.to {
			out.Add(s.doc)
		}
	}
	return out
}

// Meets finds what has a box that shares a point with one. A box whose west is east of its
// east crosses the date line.
type Meets struct{ From, To Degrees }

func (x Meets) docs(c *columns, _ *roaring.Bitmap) *roaring.Bitmap {
	out := roaring.New()
	for _, b := range c.boxes {
		if b.from.Lat <= x.To.Lat && x.From.Lat <= b.to.Lat && around(b.from.Lon, b.to.Lon, x.From.Lon, x.To.Lon) {
			out.Add(b.doc)
		}
	}
	return out
}

// around says whether two spans of longitudes meet on the globe.
func around(aw, ae, bw, be float32) bool {
	switch {
	case aw <= ae && bw <= be:
		return aw <= be && bw <= ae || ae == 180 && bw == -180 || be == 180 && aw == -180 // one meridian
	case aw > ae && bw > be: // both cross the date line
		return true
	case aw > ae:
		return bw <= ae || be >= aw
	}
	return aw <= be || ae >= bw
}

// standing are the live documents without those for which another of their group stands.
func (p *part) standing(left *roaring.Bitmap) []uint32 {
	b := p.live()
	if left != nil {
		b.AndNot(left)
	}
	return b.ToArray()
}

// cover says what documents, ascending, cover. Spans and boxes are in the order of their documents.
func (c *columns) cover(docs []uint32, to Covers) {
	spans, boxes := c.spans, c.boxes
	var from, until []int32
	var west, east []Degrees
	for _, doc := range docs {
		from, until, spans = of(doc, spans, from[:0], until[:0])
		west, east, boxes = of(doc, boxes, west[:0], east[:0])
		to(from, until, west, east)
	}
}

// of takes the ends of a document off what is left of them.
func of[T any](doc uint32, left []placed[T], from, to []T) (froms, tos []T, rest []placed[T]) {
	for len(left) > 0 && left[0].doc <= doc {
		if left[0].doc == doc {
			from, to = append(from, left[0].from), append(to, left[0].to)
		}
		left = left[1:]
	}
	return from, to, left
}
