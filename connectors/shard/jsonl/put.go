package jsonl

import (
	"errors"
	"math/big"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/go-json-experiment/json/jsontext"
)

// place is where values of one path go.
type place struct {
	b       array.Builder
	index   map[string]int // of an object's members, by name
	members []*place
	item    *place
}

// newPlace is the place of a builder, with those below it.
func newPlace(t arrow.DataType, b array.Builder) *place {
	p := &place{b: b}
	switch b := b.(type) {
	case *array.StructBuilder:
		p.index = map[string]int{}
		for i, f := range t.(*arrow.StructType).Fields() {
			p.index[f.Name] = i
			p.members = append(p.members, newPlace(f.Type, b.FieldBuilder(i)))
		}
	case *array.ListBuilder:
		p.item = newPlace(t.(*arrow.ListType).Elem(), b.ValueBuilder())
	case *array.LargeListBuilder:
		p.item = newPlace(t.(*arrow.LargeListType).Elem(), b.ValueBuilder())
	}
	return p
}

// object puts the members of an object down whose begin was read, as value n of the place;
// members that it leaves out are null.
func (p *place) object(w *walker, n int) error {
	for {
		t, err := w.dec.ReadToken()
		if err != nil {
			return w.broken(err)
		}
		if t.Kind() == '}' {
			break
		}
		name := t.String()
		w.path = append(w.path, name)
		i, is := p.index[name]
		if !is {
			return w.fault("the table has no such column; publish a whole version to have it")
		}
		err = p.members[i].value(w)
		if err != nil {
			return err
		}
		w.path = w.path[:len(w.path)-1]
	}
	for _, m := range p.members {
		if m.b.Len() < n {
			m.b.AppendNull()
		}
	}
	return nil
}

// value puts the next value down.
func (p *place) value(w *walker) error {
	t, err := w.dec.ReadToken()
	if err != nil {
		return w.broken(err)
	}
	switch k := t.Kind(); {
	case k == 'n':
		p.b.AppendNull()
	case k == '{':
		b, is := p.b.(*array.StructBuilder)
		if !is {
			return p.other(w, t)
		}
		b.Append(true)
		return p.object(w, b.Len())
	case k == '[':
		b, is := p.b.(interface{ Append(bool) })
		if !is || p.item == nil {
			return p.other(w, t)
		}
		b.Append(true)
		w.path = append(w.path, "[]")
		for w.dec.PeekKind() != ']' {
			err := p.item.value(w)
			if err != nil {
				return err
			}
		}
		w.path = w.path[:len(w.path)-1]
		_, err := w.dec.ReadToken()
		if err != nil {
			return w.broken(err)
		}
	default:
		return p.plain(w, t)
	}
	return nil
}

// other refuses a value of a kind that its column has not. Types that are settled over the file
// have them all: this is a column of a table that was there before.
func (p *place) other(w *walker, t jsontext.Token) error {
	return w.fault("%s is no value of the type %s, which the table has", kindOf(t), p.b.Type())
}

var errNot = errors.New("is no value of the column's type")

// plain puts a value down that is no list and no object.
func (p *place) plain(w *walker, t jsontext.Token) error {
	var text string
	if k := t.Kind(); k == '0' || k == '"' {
		text = t.String()
	}
	var err error
	switch b := p.b.(type) {
	case *array.BooleanBuilder:
		if k := t.Kind(); k != 't' && k != 'f' {
			return p.other(w, t)
		}
		b.Append(t.Bool())
	case *array.StringBuilder:
		if t.Kind() != '"' {
			return p.other(w, t)
		}
		b.Append(text)
	case *array.LargeStringBuilder:
		if t.Kind() != '"' {
			return p.other(w, t)
		}
		b.Append(text)
	case *array.TimestampBuilder:
		if t.Kind() != '"' {
			return p.other(w, t)
		}
		err = putTime(b, text)
	case *array.Float64Builder:
		if t.Kind() != '0' {
			return p.other(w, t)
		}
		var v float64
		v, err = float(text, 64)
		b.Append(v)
	case *array.Float32Builder:
		if t.Kind() != '0' {
			return p.other(w, t)
		}
		var v float64
		v, err = float(text, 32)
		b.Append(float32(v))
	default:
		if t.Kind() != '0' || !arrow.IsInteger(b.Type().ID()) {
			return p.other(w, t)
		}
		err = putWhole(b, text)
	}
	if err != nil {
		return w.fault("%.60s, of a column of type %s, %w", strconv.Quote(text), p.b.Type(), err)
	}
	return nil
}

// putWhole puts a whole number down, where the type holds it.
func putWhole(b array.Builder, text string) error {
	if _, whole := new(big.Int).SetString(text, 10); !whole || len(text) > 20 {
		return errNot
	}
	if text == "-0" { // no whole number has the sign of 0
		text = "0"
	}
	if b.AppendValueFromString(text) != nil {
		return errNot
	}
	return nil
}

// putTime puts a time down that reads back as written.
func putTime(b *array.TimestampBuilder, text string) error {
	ts, digits, is := instant(text)
	t := b.Type().(*arrow.TimestampType)
	if !is || t.TimeZone != "UTC" || digits > 3*int(t.Unit) {
		return errNot
	}
	v, err := arrow.TimestampFromTime(ts, t.Unit)
	if err != nil || !v.ToTime(t.Unit).Equal(ts) {
		return errNot
	}
	b.Append(v)
	return nil
}
