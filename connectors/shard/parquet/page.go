package parquet

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"

	"guichet/connectors/ipc"
)

// checkChunks refuses what the decoder cannot read before any page is touched, and
// holds the pages against the checksums that they carry.
func (s *Source) checkChunks(rd *file.Reader) error {
	for g := range rd.NumRowGroups() {
		rg := rd.RowGroup(g).MetaData()
		if rg.NumRows() < 0 || rg.NumColumns() != len(s.leaves) {
			return ipc.Invalid("row group %d has %d columns; the schema names %d", g, rg.NumColumns(), len(s.leaves))
		}
		for i, n := range s.leaves {
			c, err := rg.ColumnChunk(i)
			if err != nil && s.meta.IsSetEncryptionAlgorithm() || err == nil && c.CryptoMetadata() != nil {
				return ipc.Invalid("column %q is encrypted; write it without encryption: the gateway has no keys of others", n.path)
			}
			if err != nil {
				return pageError(err, n, g, 0)
			}
			if err := s.checkChunk(c, n, g); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkChunk holds what a chunk's metadata says against the file and against what can be
// read. All is known before the first page, so that nothing is published in part.
func (s *Source) checkChunk(c *metadata.ColumnChunkMetaData, n *node, g int) error {
	codec, encodings := c.Compression(), c.Encodings()
	if _, err := compress.GetCodec(codec); err != nil {
		return ipc.Invalid("column %q is packed with %s, which is not read; write it with zstd, snappy or lz4_raw", n.path, codec)
	}
	if n.phys == parquet.Types.FixedLenByteArray && slices.Contains(encodings, parquet.Encodings.DeltaByteArray) {
		return ipc.Invalid("column %q: bytes of a fixed length in the encoding DELTA_BYTE_ARRAY are not read; write it with PLAIN or "+
			"a dictionary", n.path)
	}
	if c.FilePath() != "" {
		return ipc.Invalid("column %q lies in another file, %.100q; write tables whole", n.path, c.FilePath())
	}
	// The dictionary page stands before the data pages; a writer without one may leave 0 there.
	from := c.DataPageOffset()
	if d := c.DictionaryPageOffset(); c.HasDictionaryPage() && d > 0 && d < from {
		from = d
	}
	size := int64(len(s.data))
	if from < 0 || c.TotalCompressedSize() < 0 || from > size || c.TotalCompressedSize() > size-from {
		return ipc.Invalid("column %q: row group %d lies outside the file", n.path, g)
	}
	if page, ok := sumsHold(s.data[from : from+c.TotalCompressedSize()]); !ok {
		return ipc.Invalid("column %q: page %d of row group %d is damaged: its checksum does not hold; upload the file again", n.path, page, g)
	}
	return nil
}

// sumsHold walks the pages of a column chunk and says which of them, counted from 0,
// contradicts its checksum. Where a header cannot be read it ends: the decoder says so.
func sumsHold(b []byte) (page int, ok bool) {
	for ; len(b) > 0; page++ {
		h, n := pageHeader(b)
		if n == 0 || h.size < 0 || int64(h.size) > int64(len(b)-n) {
			return page, true
		}
		body := b[n : n+int(h.size)]
		if h.summed && crc32.ChecksumIEEE(body) != uint32(h.sum) {
			return page, false
		}
		b = b[n+int(h.size):]
	}
	return page, true
}

// header is what sumsHold needs of a page's header. The sum is optional in the format.
type header struct {
	size, sum int32 // bytes as stored; CRC-32
	summed    bool
}

// pageHeader reads a PageHeader in Thrift's compact protocol; n is its length, 0
// where it is none [parquet.thrift].
func pageHeader(b []byte) (h header, n int) {
	r := thriftReader{b: b}
	id := int64(0)
	for {
		t, stop := r.field(&id)
		if stop {
			break
		}
		switch {
		case id == 3 && t == 5:
			h.size = int32(r.zigzag())
		case id == 4 && t == 5:
			h.sum, h.summed = int32(r.zigzag()), true
		default:
			r.skip(t, 0)
		}
	}
	if r.bad {
		return h, 0
	}
	return h, r.at
}

// thriftReader walks a struct of the compact protocol. It is total: on any bytes it
// ends, and bad says that they are no such struct.
type thriftReader struct {
	b   []byte
	at  int
	bad bool
}

// byte is 0 behind the end, and bad is set.
func (r *thriftReader) byte() byte {
	if r.bad || r.at >= len(r.b) {
		r.bad = true
		return 0
	}
	r.at++
	return r.b[r.at-1]
}

func (r *thriftReader) varint() uint64 {
	if r.bad {
		return 0
	}
	v, n := binary.Uvarint(r.b[r.at:])
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.at += n
	return v
}

// zigzag reads a signed integer: 0, −1, 1, −2 … are written as 0, 1, 2, 3 ….
func (r *thriftReader) zigzag() int64 {
	v := r.varint()
	return int64(v>>1) ^ -int64(v&1)
}

// field reads a field's head; stop at the struct's end.
func (r *thriftReader) field(id *int64) (t byte, stop bool) {
	b := r.byte()
	if t = b & 15; r.bad || b == 0 {
		return 0, true
	}
	if d := int64(b >> 4); d != 0 {
		*id += d
	} else {
		*id = r.zigzag()
	}
	return t, false
}

// skip passes a value of type t, nested ones as deep as no page header is.
func (r *thriftReader) skip(t byte, depth int) {
	if depth > 16 {
		r.bad = true
	}
	if r.bad {
		return
	}
	switch t {
	case 1, 2: // a boolean: its value is its type
	case 3: // a byte
		r.byte()
	case 4, 5, 6: // integers
		r.varint()
	case 7: // a double
		r.pass(8)
	case 8: // text or bytes
		r.pass(r.varint())
	case 9, 10: // a list or set: how many of which type
		h := r.byte()
		n, e := uint64(h>>4), h&15
		if n == 15 {
			n = r.varint()
		}
		if n > uint64(len(r.b)) {
			r.bad = true
		}
		for i := uint64(0); i < n && !r.bad; i++ {
			if e <= 2 { // booleans are a byte each in lists
				r.byte()
			} else {
				r.skip(e, depth+1)
			}
		}
	case 12: // a struct
		for id := int64(0); ; {
			k, stop := r.field(&id)
			if stop {
				return
			}
			r.skip(k, depth+1)
		}
	default:
		r.bad = true
	}
}

// pass goes n bytes on.
func (r *thriftReader) pass(n uint64) {
	if r.bad || n > uint64(len(r.b)-r.at) {
		r.bad = true
		return
	}
	r.at += int(n)
}
