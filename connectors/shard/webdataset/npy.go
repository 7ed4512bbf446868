package webdataset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
)

// The bounds of a tensor: its values stand in one row.
const (
	maxDims   = 8
	maxValues = 4 << 20
)

// npyHeader is how NumPy writes the header of an array [NEP 1].
var npyHeader = regexp.MustCompile(`^\{'descr': '([<|][fiu][1248])', 'fortran_order': False, 'shape': \(([0-9]+(?:, [0-9]+)*),?\), \} *\n$`)

// tensor is the type and shape of an array.
type tensor struct {
	descr string // of NumPy: <f4
	shape []int
}

// elements gives the types of NumPy that a tensor can be of.
func elements() map[string]arrow.DataType {
	p := arrow.PrimitiveTypes
	return map[string]arrow.DataType{
		"|i1": p.Int8, "|u1": p.Uint8, "<i2": p.Int16, "<u2": p.Uint16, "<i4": p.Int32, "<u4": p.Uint32, "<i8": p.Int64, "<u8": p.Uint64,
		"<f4": p.Float32, "<f8": p.Float64,
	}
}

// readArray reads a file of NumPy's: its type and shape, and its values as bytes. It is false for
// what is none that a tensor can hold: another order of bytes or axes, objects, no value at all.
func readArray(b []byte) (t tensor, values []byte, ok bool) {
	rest, is := bytes.CutPrefix(b, []byte("\x93NUMPY"))
	if !is || len(rest) < 6 {
		return t, nil, false
	}
	n, at := int(binary.LittleEndian.Uint16(rest[2:])), 4
	if rest[0] > 1 {
		n, at = int(binary.LittleEndian.Uint32(rest[2:])), 6
	}
	if n > 4096 || len(rest) < at+n {
		return t, nil, false
	}
	m := npyHeader.FindSubmatch(rest[at : at+n])
	if m == nil {
		return t, nil, false
	}
	t.descr = string(m[1])
	of := elements()[t.descr]
	if of == nil {
		return t, nil, false
	}
	total := 1
	for dim := range strings.SplitSeq(string(m[2]), ", ") {
		d, err := strconv.Atoi(dim)
		if err != nil || d < 1 || d > maxValues || len(t.shape) == maxDims {
			return t, nil, false
		}
		t.shape = append(t.shape, d)
		if total *= d; total > maxValues {
			return t, nil, false
		}
	}
	values = rest[at+n:]
	return t, values, len(values) == total*of.(arrow.FixedWidthDataType).Bytes()
}

// String is a type and shape as Seen keeps them.
func (t tensor) String() string {
	return t.descr + strings.ReplaceAll(strings.Trim(fmt.Sprint(t.shape), "[]"), " ", ",")
}

// shapeText is a shape as the metadata of arrow.fixed_shape_tensor have it.
func (t tensor) shapeText() string {
	return `{"shape":` + strings.ReplaceAll(fmt.Sprint(t.shape), " ", ",") + `}`
}

// parseTensor reads what String wrote. It is false for anything else: it comes back from a child.
func parseTensor(s string) (t tensor, ok bool) {
	if len(s) < 4 {
		return t, false
	}
	t.descr = s[:3]
	for dim := range strings.SplitSeq(s[3:], ",") {
		d, err := strconv.Atoi(dim)
		if err != nil || d < 1 || len(t.shape) == maxDims {
			return t, false
		}
		t.shape = append(t.shape, d)
	}
	return t, elements()[t.descr] != nil && t.len() <= maxValues
}

// len is how many values an array has.
func (t tensor) len() int {
	n := 1
	for _, d := range t.shape {
		n = min(n*d, maxValues+1)
	}
	return n
}
