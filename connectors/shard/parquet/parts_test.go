package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/pierrec/lz4/v4"
	"pgregory.net/rapid"
)

// thrift writes fields of a struct of the compact protocol [thrift-compact-protocol.md].
type thrift struct {
	b    []byte
	last int64
}

// field begins a field of a type: by a step of up to 15 from the one before, else by number.
func (w *thrift) field(id int64, typ byte) {
	if d := id - w.last; d > 0 && d < 16 {
		w.b = append(w.b, byte(d)<<4|typ)
	} else {
		w.b = binary.AppendVarint(append(w.b, typ), id)
	}
	w.last = id
}

func (w *thrift) number(id, n int64) {
	w.field(id, 5)
	w.b = binary.AppendVarint(w.b, n)
}

// page is a data page of any body with its header; a sum of −1 leaves it out.
func page(body []byte, sum int64) []byte {
	var w thrift
	w.number(1, 0)                // the sort of page
	w.number(2, int64(len(body))) // unpacked
	w.number(3, int64(len(body))) // as stored
	if sum >= 0 {
		w.number(4, int64(int32(uint32(sum))))
	}
	w.field(5, 12) // its own header: a struct
	inner := thrift{}
	inner.number(1, 7)
	inner.field(2, 8)
	inner.b = append(binary.AppendUvarint(inner.b, 3), "abc"...)
	inner.field(3, 7)
	inner.b = binary.LittleEndian.AppendUint64(inner.b, math.Float64bits(1.5))
	inner.field(4, 9)
	inner.b = append(inner.b, 2<<4|5, 2, 4) // a list of two integers
	inner.field(30, 1)                      // a boolean, far away
	w.b = append(append(append(w.b, inner.b...), 0), 0)
	return append(w.b, body...)
}

// TestPageHeader: lengths and sum of a page are found among whatever else its header has.
func TestPageHeader(t *testing.T) {
	body := []byte("some levels and values")
	sum := int64(crc32.ChecksumIEEE(body))
	whole := page(body, sum)
	h, n := pageHeader(whole)
	if n != len(whole)-len(body) || int(h.size) != len(body) || !h.summed || uint32(h.sum) != uint32(sum) {
		t.Errorf("%+v in %d bytes", h, n)
	}
	h, n = pageHeader(page(body, -1))
	if n == 0 || h.summed {
		t.Errorf("without a sum: %+v in %d bytes", h, n)
	}
	for cut := range len(whole) - len(body) {
		if _, n := pageHeader(whole[:cut]); n != 0 {
			t.Errorf("cut at byte %d it is a header of %d bytes", cut, n)
		}
	}
	for name, b := range map[string][]byte{
		"an unknown type": {0x1d, 0}, "a varint without end": bytes.Repeat([]byte{0x35, 0xff},
			20), "a text longer than its bytes": {0x18, 0xff, 0x7f, 0},
		"a list longer than its bytes": {0x19, 0xf5, 0xff, 0x7f, 0}, "structs without end": bytes.Repeat([]byte{0x1c}, 40),
	} {
		if _, n := pageHeader(b); n != 0 {
			t.Errorf("%s is a header of %d bytes", name, n)
		}
	}
}

// TestSumsHold: the page that contradicts its sum is named; those without one pass.
func TestSumsHold(t *testing.T) {
	sum := func(b string) int64 { return int64(crc32.ChecksumIEEE([]byte(b))) }
	good := slices.Concat(page([]byte("one"), sum("one")), page([]byte("two"), -1), page([]byte("three"), sum("three")))
	if n, ok := sumsHold(good); !ok || n != 3 {
		t.Errorf("page %d, %t", n, ok)
	}
	bad := slices.Concat(page([]byte("one"), sum("one")), page([]byte("two"), sum("too")), page([]byte("three"), sum("three")))
	if n, ok := sumsHold(bad); ok || n != 1 {
		t.Errorf("page %d, %t", n, ok)
	}
	// What is no header is left to the decoder, which says why.
	if n, ok := sumsHold(good[:len(good)-1]); !ok || n != 2 {
		t.Errorf("cut: page %d, %t", n, ok)
	}
}

// Any bytes are read to an end.
func TestHeadersAreTotal(t *testing.T) {
	whole := page([]byte("body"), 7)
	rapid.Check(t, func(t *rapid.T) {
		b := slices.Clone(whole)
		for range rapid.IntRange(0, 5).Draw(t, "changes") {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "to")
		}
		b = append(b, rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(t, "more")...)
		if _, n := pageHeader(b); n > len(b) {
			t.Fatalf("a header of %d in %d bytes", n, len(b))
		}
		sumsHold(b)
	})
}

func FuzzPageHeader(f *testing.F) {
	f.Add(page([]byte("body"), 7))
	f.Add([]byte{0x19, 0xf5, 0xff, 0x7f, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, n := pageHeader(b); n < 0 || n > len(b) {
			t.Fatalf("a header of %d in %d bytes", n, len(b))
		}
		sumsHold(b)
	})
}

// Integers of any length, big-endian, become little-endian ones of a width, or do not fit.
func TestReversed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "big-endian")
		v := new(big.Int).SetBytes(in)
		if len(in) > 0 && in[0]&0x80 != 0 {
			v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(8*len(in))))
		}
		w := rapid.SampledFrom([]int{16, 32}).Draw(t, "width")
		out := make([]byte, w)
		fits := v.BitLen() < 8*w || v.Cmp(new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), uint(8*w-1)))) == 0
		if ok := reversed(out, in); ok != fits {
			t.Fatalf("%s in %d bytes: %t", v, w, ok)
		}
		if !fits {
			return
		}
		slices.Reverse(out)
		back := new(big.Int).SetBytes(out)
		if out[0]&0x80 != 0 {
			back.Sub(back, new(big.Int).Lsh(big.NewInt(1), uint(8*w)))
		}
		if back.Cmp(v) != 0 {
			t.Fatalf("%s became %s", v, back)
		}
	})
}

// Times of INT96 are those that Go has for the same day and nanoseconds, in each unit that
// holds them.
func TestInstants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		day := rapid.Int32Range(0, 5_000_000).Draw(t, "Julian day")
		nanos := rapid.Int64Range(0, 86_400_000_000_000-1).Draw(t, "nanoseconds")
		nanos -= nanos % rapid.SampledFrom([]int64{1, 1000, 1_000_000, 1_000_000_000}).Draw(t, "fineness")
		b := binary.LittleEndian.AppendUint64(nil, uint64(nanos))
		b = binary.LittleEndian.AppendUint32(b, uint32(day))
		at := time.Unix((int64(day)-2_440_588)*86_400, nanos)
		for unit, want := range map[arrow.TimeUnit]int64{arrow.Second: at.Unix(), arrow.Millisecond: at.UnixMilli(),
			arrow.Microsecond: at.UnixMicro()} {
			got, ok := instantOf(b).in(unit)
			exact := nanos%int64(unit.Multiplier()) == 0
			if ok != exact || exact && got != want {
				t.Fatalf("%s in %s: %d, %t; want %d, %t", at, unit, got, ok, want, exact)
			}
		}
		got, ok := instantOf(b).in(arrow.Nanosecond)
		if in := at.Year() > 1678 && at.Year() < 2262; in && (!ok || got != at.UnixNano()) ||
			!in && ok && (at.Year() < 1677 || at.Year() > 2262) {
			t.Fatalf("%s in ns: %d, %t", at, got, ok)
		}
	})
	// Writers may put nanoseconds before or beyond the day.
	late, early := int64(90_000e9), int64(-1)
	for nanos, want := range map[int64]int64{late: 90_000, early: -1} {
		b := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint64(nil, uint64(nanos)), 2_440_588)
		if got := instantOf(b); got.seconds != want || got.nanos < 0 {
			t.Errorf("%d ns: %+v", nanos, got)
		}
	}
}

// packed is a block of LZ4.
func packed(t testing.TB, b []byte) []byte {
	t.Helper()
	out := make([]byte, lz4.CompressBlockBound(len(b)))
	n, err := lz4.CompressBlock(b, out, nil)
	if err != nil || n == 0 {
		t.Fatal(n, err)
	}
	return out[:n]
}

// TestHadoopLZ4: blocks framed by Hadoop and bare ones come to the same, and what is neither
// is refused.
func TestHadoopLZ4(t *testing.T) {
	first, second := bytes.Repeat([]byte("abcd"), 100), bytes.Repeat([]byte("xyz"), 90)
	whole := slices.Concat(first, second)
	frame := func(b []byte, size int) []byte {
		p := packed(t, b)
		out := binary.BigEndian.AppendUint32(nil, uint32(size))
		return append(binary.BigEndian.AppendUint32(out, uint32(len(p))), p...)
	}
	framed := slices.Concat(frame(first, len(first)), frame(second, len(second)))
	for name, in := range map[string][]byte{"framed": framed, "bare": packed(t, whole)} {
		out, err := hadoopLZ4{}.DecodeWithError(make([]byte, len(whole)), in)
		if err != nil || !bytes.Equal(out, whole) {
			t.Errorf("%s: %d bytes, %v", name, len(out), err)
		}
	}
	for name, in := range map[string][]byte{
		"cut": framed[:len(framed)-1], "a length beyond": frame(first,
			1<<30), "half a frame": framed[:7], "other bytes": bytes.Repeat([]byte{0xff}, 30),
	} {
		if out, err := (hadoopLZ4{}).DecodeWithError(make([]byte, len(whole)), in); !errors.Is(err, errLZ4) {
			t.Errorf("%s: %d bytes, %v", name, len(out), err)
		}
	}
	for name, f := range map[string]func(){
		"decoding other bytes": func() { hadoopLZ4{}.Decode(make([]byte, 4), []byte{0xff}) },
		"packing":              func() { hadoopLZ4{}.Encode(nil, whole) },
		"packing by level":     func() { hadoopLZ4{}.EncodeLevel(nil, whole, 1) },
	} {
		if got := panicked(f); got != any(errLZ4) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func panicked(f func()) (what any) {
	defer func() { what = recover() }()
	f()
	return nil
}

// TestCappedAllocator: no piece of memory is larger than any sound page, and large ones have
// room to grow.
func TestCappedAllocator(t *testing.T) {
	a := cappedAllocator{memory.NewGoAllocator()}
	if b := a.Allocate(2 << 20); len(b) != 2<<20 || cap(b) < 2<<20+1<<17 {
		t.Errorf("%d of %d bytes", len(b), cap(b))
	}
	b := a.Allocate(100)
	copy(b, "kept")
	if b = a.Reallocate(1<<20, b); len(b) != 1<<20 || string(b[:4]) != "kept" {
		t.Errorf("%d bytes, %q", len(b), b[:4])
	}
	if c := a.Reallocate(50, b); len(c) != 50 || &c[0] != &b[0] {
		t.Error("a smaller piece is another")
	}
	want := fmt.Sprintf("a page asks for %d bytes at once (limit 192 MiB); write it with smaller pages", maxPiece+1)
	if got := panicked(func() { a.Allocate(maxPiece + 1) }); fmt.Sprint(got) != want {
		t.Errorf("%v", got)
	}
	if panicked(func() { a.Reallocate(-1, nil) }) == nil {
		t.Error("a negative piece is given")
	}
}

// TestWords: what the library says of a file in its parser's words is said in ours.
func TestWords(t *testing.T) {
	for said, want := range map[string]string{
		"parquet: magic bytes not found in footer":    "it is cut, or something was appended to it",
		"parquet: file size smaller than indicated":   "the file is smaller than its footer: it is cut",
		"parquet: file too small (size=3)":            "the file is smaller than its footer: it is cut",
		"couldn't deserialize thrift: unexpected EOF": "the footer of the Parquet file is damaged, or newer than this reader",
	} {
		if got := openWords(errors.New(said)); !strings.Contains(got, want) {
			t.Errorf("%s: %s", said, got)
		}
	}
	for said, want := range map[string]string{
		"page size exceeds configured limit":       "holds a page of more than 192 MiB; write it with smaller pages",
		"dictionary page must be before data page": "is damaged: its dictionary is missing",
		"parquet: unknown encoding type 77":        "has an encoding that is not read",
		"zstd: failed to decompress":               "is damaged: a page cannot be unpacked",
		"runtime error: index out of range [9]":    "is damaged: a page does not hold what its header says",
	} {
		if got := pageWords(errors.New(said)); !strings.Contains(got, want) {
			t.Errorf("%s: %s", said, got)
		}
	}
	n := &node{path: "a.b"}
	err := pageError(errors.New("delta exceeds INT32 range"), n, 3, 9)
	if err == nil || !strings.Contains(err.Error(), `column "a.b": row group 3 has steps of more than 32 bits in DELTA_BINARY_PACKED`) {
		t.Error(err)
	}
	err = pageError(errors.New("other"), n, 3, 9)
	if err == nil || err.Error() != `invalid: column "a.b": row group 3, from row 9 on, is damaged: a page does not hold what its `+
		`header says` {
		t.Error(err)
	}
	for name, fault := range map[string]any{"large": tooLarge(5), "other": "index out of range"} {
		err := func() (err error) {
			defer damaged(&err, n, 1, 2)
			panic(fault)
		}()
		if err == nil || !strings.HasPrefix(err.Error(), `invalid: column "a.b": row group 1, `+
			`from row 2 on`) || strings.Contains(err.Error(), "index") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Dense values are put to the places that a bitmap says, for every width.
func TestPlaced(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		valid := rapid.SliceOfN(rapid.Byte(), 1, 6).Draw(t, "bitmap")
		n := rapid.IntRange(0, 8*len(valid)).Draw(t, "values")
		width := rapid.SampledFrom([]int{1, 8, 16, 32, 64, 96, 128}).Draw(t, "bits")
		count := 0
		for i := range n {
			if valid[i/8]>>(i%8)&1 == 1 {
				count++
			}
		}
		in := make([]byte, (count*width+7)/8)
		for i := range in {
			in[i] = byte(i*37 + 1)
		}
		out := placed(in, width, valid, n)
		bit := func(b []byte, i int) byte { return b[i/8] >> (i % 8) & 1 }
		k := 0
		for i := range n {
			there := bit(valid, i) == 1
			for b := range width {
				want := byte(0)
				if there {
					want = bit(in, k*width+b)
				}
				if bit(out, i*width+b) != want {
					t.Fatalf("bit %d of value %d of %d bits", b, i, width)
				}
			}
			if there {
				k++
			}
		}
		offs := make([]int32, count+1)
		for i := range offs {
			offs[i] = int32(3 * i)
		}
		for i, o := range spreadOffsets(offs, valid, n)[1:] {
			prev := spreadOffsets(offs, valid, n)[i]
			if (o-prev == 3) != (bit(valid, i) == 1) || o < prev {
				t.Fatalf("value %d ends at %d after %d", i, o, prev)
			}
		}
	})
}
