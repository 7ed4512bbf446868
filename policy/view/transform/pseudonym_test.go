package transform

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"guichet/schemas"
)

// The examples of NIST SP 800-38B, D.3 (AES-256) and RFC 4493 (AES-128).
func TestCMACIsTheStandards(t *testing.T) {
	const text = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51" +
		"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
	for key, tags := range map[string]map[int]string{
		"603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4": {0: "028962f61b7bf89efc6b551f4667d983",
			16: "28a7023f452e8f82bd4bf28d8c37c35c", 40: "aaf3d8f1de5640c232f5b169b9c911e6", 64: "e1992190549f6ed5696a2c056c315410"},
		"2b7e151628aed2a6abf7158809cf4f3c": {0: "bb1d6929e95937287fa37d129b756746",
			16: "070a16b46b4d4144f79bdd9dd04a287c", 40: "dfa66747de9ae63030ca32611497c827", 64: "51f0bebf7e3b9d92fc49741779363cfe"},
	} {
		secret, err := hex.DecodeString(key)
		if err != nil {
			t.Fatal(err)
		}
		function, err := cmacOf(secret)
		if err != nil {
			t.Fatal(err)
		}
		all, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		for n, want := range tags {
			out := make([]byte, Width)
			function(out, all[:n])
			if got := hex.EncodeToString(out); got != want {
				t.Errorf("%d bytes: %s, want %s", n, got, want)
			}
		}
	}
	_, err := Key{schemas.Pseudonyms, []byte("short")}.function()
	if err == nil {
		t.Error("a key that is none was taken")
	}
}

// What agreements of each derivation have been given stays for ever: a change here parts
// the pseudonyms that a trainer has from those of tomorrow.
func TestPseudonymsStay(t *testing.T) {
	for derivation, want := range map[int][]string{
		0: {"c9bb27ab3053a00d54ca66fb686c08a6", "aecca6d634861aae79b79df693e75631", "edcbb3aa575fdbc3ec78c586b245fa42"},
		1: {"c9bb27ab3053a00d54ca66fb686c08a6", "aecca6d634861aae79b79df693e75631", "edcbb3aa575fdbc3ec78c586b245fa42"},
		2: {"c8ed84c882e4594a4f5b72fdca1f0585", "7694ba397c5537991ddba288ce66749f", "168e43edaef2ba0915e67016440d1edf"},
		3: {"b202f72cdfa85854ec3280f17ee55940", "99c1b6742edccded7204a1c82e84a8bf", "2aae3bf5fb934b1887dfd7c528f0390e"},
	} {
		k, err := PseudonymKey([]byte("0123456789abcdef0123456789abcdef"), Linkage{Derivation: derivation, Permit: "req-a",
			Provider: "https://p.example", Dataset: "ds-1", Column: "id"})
		if err != nil {
			t.Fatal(err)
		}
		p, err := Pseudonymise(arrow.BinaryTypes.String, k)
		if err != nil {
			t.Fatal(err)
		}
		out, err := p.Apply(texts("42", "", "a text that is longer than a block", nil))
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want {
			if got := hex.EncodeToString(out.(*array.FixedSizeBinary).Value(i)); got != w {
				t.Errorf("derivation %d, value %d: %s, want %s", derivation, i, got, w)
			}
		}
		if !out.IsNull(3) || out.NullN() != 1 {
			t.Errorf("derivation %d: null is %s", derivation, out.ValueStr(3))
		}
	}
}

// given is how pseudonyms of derivations 1 and 2 were made when they were first given out.
func given(key []byte, a arrow.Array) []string {
	out := make([]string, a.Len())
	for i := range out {
		from, at := a, i
		if d, ok := a.(*array.Dictionary); ok && !a.IsNull(i) {
			from, at = d.Dictionary(), d.GetValueIndex(i)
		}
		if from.IsNull(at) {
			continue
		}
		mac := hmac.New(sha256.New, key)
		switch from := from.(type) {
		case *array.Binary:
			mac.Write(from.Value(at))
		case *array.FixedSizeBinary:
			mac.Write(from.Value(at))
		default:
			mac.Write([]byte(from.ValueStr(at)))
		}
		out[i] = string(mac.Sum(nil)[:Width])
	}
	return out
}

// randomArray is one of a flat type that a table may have, with nulls, repeats, and values
// left out before it.
func randomArray(r *rand.Rand) arrow.Array {
	types := []arrow.DataType{arrow.FixedWidthTypes.Boolean, arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Int32,
		arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Uint8, arrow.PrimitiveTypes.Uint16, arrow.PrimitiveTypes.Uint32,
		arrow.PrimitiveTypes.Uint64, arrow.FixedWidthTypes.Float16, arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float64,
		arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString, arrow.BinaryTypes.Binary, arrow.BinaryTypes.LargeBinary,
		&arrow.FixedSizeBinaryType{ByteWidth: 3}, arrow.FixedWidthTypes.Date32, arrow.FixedWidthTypes.Date64, seconds("UTC"),
		&arrow.TimestampType{Unit: arrow.Nanosecond}, arrow.FixedWidthTypes.Time32ms, arrow.FixedWidthTypes.Time64us,
		arrow.FixedWidthTypes.Duration_ns, &arrow.Decimal128Type{Precision: 20, Scale: 3}, &arrow.Decimal256Type{Precision: 50, Scale: 3},
		arrow.FixedWidthTypes.MonthInterval, arrow.FixedWidthTypes.DayTimeInterval, arrow.FixedWidthTypes.MonthDayNanoInterval, arrow.Null}
	typ := types[r.IntN(len(types))]
	n, skip := r.IntN(80), r.IntN(9)
	var a arrow.Array
	if typ.ID() == arrow.NULL {
		a = array.NewNull(n + skip)
	} else {
		a = randomValues(r, typ, n+skip)
	}
	if d := r.IntN(4); d == 0 && typ.ID() != arrow.NULL {
		b := array.NewInt16Builder(memory.DefaultAllocator)
		for range n + skip {
			if r.IntN(5) == 0 || a.Len() == 0 {
				b.AppendNull()
			} else {
				b.Append(int16(r.IntN(a.Len())))
			}
		}
		a = array.NewDictionaryArray(coded(typ), b.NewArray(), a)
	}
	return array.NewSlice(a, int64(skip), int64(n+skip))
}

// randomValues have few bits in use, so that they repeat.
func randomValues(r *rand.Rand, typ arrow.DataType, n int) arrow.Array {
	valid := make([]byte, (n+7)/8)
	nulls := 0
	for i := range n {
		if r.IntN(6) > 0 {
			valid[i>>3] |= 1 << (i & 7)
		} else {
			nulls++
		}
	}
	buffers := []*memory.Buffer{memory.NewBufferBytes(valid)}
	if nulls == 0 {
		buffers[0] = nil
	}
	t, fixed := typ.(arrow.FixedWidthDataType)
	if fixed {
		data := make([]byte, (n*t.BitWidth()+7)/8)
		for i := range data {
			if r.IntN(4) == 0 {
				data[i] = byte(r.IntN(3))
			}
		}
		buffers = append(buffers, memory.NewBufferBytes(data))
		return array.MakeFromData(array.NewData(typ, n, buffers, nil, nulls, 0))
	}
	var data []byte
	ends := []int{0}
	for range n {
		data = append(data, bytes.Repeat([]byte{'a' + byte(r.IntN(3))}, r.IntN(40)*r.IntN(2))...)
		ends = append(ends, len(data))
	}
	offsets := arrow.Int32Traits.CastToBytes(func() (o []int32) {
		for _, e := range ends {
			o = append(o, int32(e))
		}
		return o
	}())
	if id := typ.ID(); id == arrow.LARGE_STRING || id == arrow.LARGE_BINARY {
		offsets = arrow.Int64Traits.CastToBytes(func() (o []int64) {
			for _, e := range ends {
				o = append(o, int64(e))
			}
			return o
		}())
	}
	buffers = append(buffers, memory.NewBufferBytes(offsets), memory.NewBufferBytes(data))
	return array.MakeFromData(array.NewData(typ, n, buffers, nil, nulls, 0))
}

// Pseudonyms of derivations 1 and 2 are those that were first given out, of any array; those
// of derivation 3 are equal where these are, and nowhere else.
func TestPseudonymsAreThoseThatWereGiven(t *testing.T) {
	secret := bytes.Repeat([]byte{3}, sha256.Size)
	rapid.Check(t, func(rt *rapid.T) {
		a := randomArray(rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1)))
		want := given(secret, a)
		var old, now array.FixedSizeBinary
		for derivation, out := range map[int]*array.FixedSizeBinary{schemas.PseudonymsByColumn: &old, schemas.Pseudonyms: &now} {
			p, err := Pseudonymise(a.DataType(), Key{derivation, secret})
			if err != nil {
				rt.Fatal(err)
			}
			made, err := p.Apply(a)
			if err != nil {
				rt.Fatal(err)
			}
			if made.Len() != a.Len() || !arrow.TypeEqual(made.DataType(), p.Type()) {
				rt.Fatalf("%d values of %s for %d", made.Len(), made.DataType(), a.Len())
			}
			*out = *made.(*array.FixedSizeBinary)
		}
		first := map[string]int{}
		for i, w := range want {
			if old.IsNull(i) != (w == "") || now.IsNull(i) != (w == "") {
				rt.Fatalf("%s, row %d: null is %t and %t, want %t", a, i, old.IsNull(i), now.IsNull(i), w == "")
			}
			if w == "" {
				continue
			}
			if string(old.Value(i)) != w {
				rt.Fatalf("%s, row %d: %x, want %x", a, i, old.Value(i), w)
			}
			k, known := first[w]
			if !known {
				k = i
				first[w] = i
			}
			if !bytes.Equal(now.Value(i), now.Value(k)) {
				rt.Fatalf("%s: rows %d and %d are equal, and their pseudonyms are not", a, i, k)
			}
		}
		distinct := map[string]bool{}
		for _, i := range first {
			distinct[string(now.Value(i))] = true
		}
		if len(distinct) != len(first) {
			rt.Fatalf("%s: %d pseudonyms of %d values", a, len(distinct), len(first))
		}
	})
}

// A memo that finds nothing stops being asked, and what it found before stays right; one of
// few values goes on to the end.
func TestMemoGivesUp(t *testing.T) {
	for distinct, kept := range map[int]bool{100: true, 1_000: true, 1 << 30: false} {
		b := array.NewInt64Builder(memory.DefaultAllocator)
		for i := range 20_000 {
			b.Append(int64(i % distinct))
		}
		a := b.NewArray()
		v := valuesOf(a)
		m := newMemo(a.Len(), v)
		for i := range a.Len() {
			if row := m.find(i); row >= 0 && (row >= i || !bytes.Equal(v.bytes(row), v.bytes(i))) {
				t.Fatalf("row %d is said to be row %d", i, row)
			}
		}
		if got := m.rows != nil; got != kept {
			t.Errorf("%d distinct values: the memo is used to the end: %t, want %t", distinct, got, kept)
		}
	}
}

// A value takes its text, the function (bare) or the memo, and 16 bytes written
// (copied: the least of all).
func BenchmarkPseudonyms(b *testing.B) {
	const n = 16_384
	secret := bytes.Repeat([]byte{3}, sha256.Size)
	per := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/value")
		b.ReportAllocs()
	}
	for _, distinct := range []int{1_000, n} {
		names, numbers, dates := array.NewStringBuilder(memory.DefaultAllocator), array.NewInt64Builder(memory.DefaultAllocator),
			array.NewDate32Builder(memory.DefaultAllocator)
		r := rand.New(rand.NewPCG(1, 2))
		for i := range n {
			k := i
			if distinct < n {
				k = r.IntN(distinct)
			}
			names.Append("household-" + strconv.Itoa(k))
			numbers.Append(int64(k) * 7919)
			dates.Append(arrow.Date32(k))
		}
		for name, a := range map[string]arrow.Array{"text": names.NewArray(), "int64": numbers.NewArray(), "date": dates.NewArray()} {
			for derivation := schemas.PseudonymsByColumn; derivation <= schemas.Pseudonyms; derivation++ {
				b.Run(fmt.Sprintf("%s/derivation=%d/distinct=%d", name, derivation, distinct), func(b *testing.B) {
					p, err := Pseudonymise(a.DataType(), Key{derivation, secret})
					if err != nil {
						b.Fatal(err)
					}
					for b.Loop() {
						if _, err := p.Apply(a); err != nil {
							b.Fatal(err)
						}
					}
					per(b)
				})
			}
		}
	}
	b.Run("bare HMAC", func(b *testing.B) { bare(b, Key{schemas.PseudonymsByColumn, secret}, n); per(b) })
	b.Run("bare AES-CMAC", func(b *testing.B) { bare(b, Key{schemas.Pseudonyms, secret}, n); per(b) })
	b.Run("copied", func(b *testing.B) {
		from, to := make([]byte, n*Width), make([]byte, n*Width)
		for b.Loop() {
			copy(to, from)
		}
		per(b)
	})
}

func bare(b *testing.B, k Key, n int) {
	b.Helper()
	function, err := k.function()
	if err != nil {
		b.Fatal(err)
	}
	out, text := make([]byte, n*Width), []byte("household-1234")
	for b.Loop() {
		clear(out)
		for i := range n { // each elsewhere, as in an array: one need not wait for another
			function(out[i*Width:(i+1)*Width], text)
		}
	}
}
