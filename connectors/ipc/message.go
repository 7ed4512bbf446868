package ipc

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"guichet/schemas"
)

// Limits of one encapsulated message.
const (
	MaxMeta = 16 << 20      // bytes of metadata; 16 MiB hold about 500,000 buffers
	maxRows = math.MaxInt32 // what Arrow's own readers count to
	prefix  = 8             // continuation marker and metadata length
)

// Kind is the sort of an encapsulated IPC message.
type Kind uint8

// The messages of a stream or file of tables. KindEnd is the end-of-stream
// marker, which has neither metadata nor body.
const (
	KindEnd Kind = iota
	KindSchema
	KindDictionary
	KindRecord
)

// BufferRef is the place of one buffer in a message's body, in bytes.
type BufferRef struct{ Offset, Length int64 }

// NodeRef is the length of one column or nested column, in values, and how many
// of them are null.
type NodeRef struct{ Length, Nulls int64 }

// Message is the checked metadata of one encapsulated IPC message: every
// buffer lies within BodyLen. It says nothing about the body's content.
type Message struct {
	Kind         Kind
	BodyLen      int64 // bytes of the body, padding included
	Rows         int64 // of a record or dictionary batch
	Buffers      []BufferRef
	Nodes        []NodeRef
	DictionaryID int64
	IsDelta      bool    // the dictionary goes on where the one before it ended
	Compressed   bool    // each buffer by itself
	Codec        int8    // where it is: 0 LZ4 frames, 1 Zstandard
	Variadic     []int64 // of each view column, how many data buffers it has
	Custom       bool    // carries custom metadata
	Legacy       bool    // framed without continuation marker

	header flat // the schema, record or dictionary table
}

// ParseMeta checks the metadata of one encapsulated message as it is stored:
// continuation marker, length, flatbuffer, padding (Block.Meta bytes). It never
// panics and allocates in proportion to meta alone. Kind: Invalid.
func ParseMeta(meta []byte) (Message, error) {
	if len(meta) < prefix || binary.LittleEndian.Uint32(meta) != math.MaxUint32 {
		return Message{}, Invalid("the message does not begin with the continuation marker ffffffff")
	}
	n := int64(int32(binary.LittleEndian.Uint32(meta[4:])))
	if n == 0 {
		return Message{Kind: KindEnd}, nil
	}
	if n < 0 || n > MaxMeta || n+prefix > int64(len(meta)) {
		return Message{}, Invalid("the message says it has %d bytes of metadata; %d are there (limit 16 MiB)", n, len(meta)-prefix)
	}
	m, err := ParseUnframed(meta[prefix : prefix+n])
	if err != nil {
		return Message{}, Invalid("message metadata: %w", err)
	}
	return m, nil
}

// Header gives the flatbuffer inside Block.Meta bytes, as it stands in Flight's
// data_header; nil when meta is too short to hold one.
func Header(meta []byte) []byte {
	if len(meta) < prefix {
		return nil
	}
	return meta[prefix:]
}

// ParseUnframed checks the metadata of a message without marker and length: the flatbuffer
// alone. Errors say what is wrong and are of no Kind.
func ParseUnframed(b []byte) (m Message, err error) {
	defer guard(&err)
	root := flatRoot(b)
	if v := root.i16(messageVersion, 0); v != metadataV4 && v != metadataV5 {
		return m, fmt.Errorf("metadata version %d; only V4 and V5 are read", v+1)
	}
	m.BodyLen = root.i64(messageBodyLength, 0)
	if m.BodyLen < 0 {
		return m, fmt.Errorf("body length %d", m.BodyLen)
	}
	_, n := root.vector(messageMetadata, 4)
	m.Custom = n > 0
	h, ok := root.table(messageHeader)
	if !ok {
		return m, fmt.Errorf("no header")
	}
	m.header = h
	switch t := root.u8(messageHeaderType); t {
	case headerSchema:
		m.Kind = KindSchema
		return m, nil
	case headerDictionary:
		m.Kind = KindDictionary
		m.DictionaryID = h.i64(dictionaryID, 0)
		m.IsDelta = h.bool(dictionaryIsDelta)
		if h, ok = h.table(dictionaryData); !ok {
			return m, fmt.Errorf("a dictionary batch without data")
		}
	case headerRecord:
		m.Kind = KindRecord
	default:
		return m, fmt.Errorf("message of type %d; only schemas, dictionaries and record batches are read", t)
	}
	return m, m.parseBatch(h)
}

// parseBatch reads the RecordBatch table h. A node of 16 bytes or a buffer of 16 costs no
// more memory here than in the message, so the message's own length bounds both.
func (m *Message) parseBatch(h flat) error {
	m.Rows = h.i64(batchRows, 0)
	if m.Rows < 0 || m.Rows > maxRows {
		return fmt.Errorf("a batch of %d rows", m.Rows)
	}
	p, n := h.vector(batchNodes, 16)
	m.Nodes = make([]NodeRef, n)
	for i := range m.Nodes {
		m.Nodes[i] = NodeRef{h.int64At(p), h.int64At(p + 8)}
		p += 16
		if l := m.Nodes[i].Length; l < 0 || l > maxRows {
			return fmt.Errorf("a column of %d values", l)
		}
	}
	p, n = h.vector(batchBuffers, 16)
	m.Buffers = make([]BufferRef, n)
	for i := range m.Buffers {
		b := BufferRef{h.int64At(p), h.int64At(p + 8)}
		p += 16
		if b.Offset < 0 || b.Length < 0 || b.Offset > m.BodyLen || b.Length > m.BodyLen-b.Offset {
			return fmt.Errorf("buffer %d (%d bytes at %d) lies outside the body of %d bytes", i, b.Length, b.Offset, m.BodyLen)
		}
		m.Buffers[i] = b
	}
	if c, ok := h.table(batchCompression); ok {
		m.Compressed, m.Codec = true, int8(c.u8(compressionCodec))
	}
	p, n = h.vector(batchVariadicCounts, 8)
	for range n {
		m.Variadic = append(m.Variadic, h.int64At(p))
		p += 8
	}
	return nil
}

// ReadMessage reads and checks the metadata of the message that begins at off
// in an object of size bytes, and says where it lies. With legacy it also takes the
// framing of Arrow before 0.15, four bytes of length and no marker: only publication
// asks for that. An object that ends inside the message is Invalid, naming the byte.
// Safe for concurrent use if r is.
func ReadMessage(r io.ReaderAt, off, size int64, legacy bool) (m Message, at schemas.Block, err error) {
	var head [prefix]byte
	if size-off < 4 {
		return m, at, TruncatedAt(size)
	}
	k := min(prefix, size-off)
	if _, err := r.ReadAt(head[:k], off); err != nil && err != io.EOF {
		return m, at, fmt.Errorf("read message at byte %d: %w", off, err)
	}
	n, pre := int64(binary.LittleEndian.Uint32(head[:])), int64(4)
	old := n != math.MaxUint32
	if !old {
		if k < prefix {
			return m, at, TruncatedAt(size)
		}
		n, pre = int64(binary.LittleEndian.Uint32(head[4:])), prefix
	} else if !legacy {
		return m, at, Invalid("no message begins at byte %d", off)
	}
	at = schemas.Block{Offset: off, Meta: int32(pre)}
	if n == 0 {
		return Message{Kind: KindEnd, Legacy: old}, at, nil
	}
	if n > MaxMeta {
		return m, at, Invalid("the message at byte %d says it has %d bytes of metadata (limit 16 MiB)", off, n)
	}
	if n > size-off-pre {
		return m, at, TruncatedAt(size)
	}
	b := make([]byte, n)
	if _, err := r.ReadAt(b, off+pre); err != nil && err != io.EOF {
		return m, at, fmt.Errorf("read message at byte %d: %w", off, err)
	}
	if m, err = ParseUnframed(b); err != nil {
		return m, at, Invalid("the message at byte %d: %w", off, err)
	}
	if m.BodyLen > size-off-pre-n {
		return m, at, TruncatedAt(size)
	}
	m.Legacy = old
	at.Meta, at.Body = int32(pre+n), m.BodyLen
	if m.Kind == KindRecord {
		at.Rows = m.Rows
	}
	return m, at, nil
}

// TruncatedAt is the error of an object that ends inside a message, after size bytes. Only
// the end marker says that a stream is whole: the bytes before a cut look as good as any.
func TruncatedAt(size int64) error {
	return Invalid("no end marker: the stream is cut at byte %d", size)
}

// SplitMessage parses a message that lies in one piece and finds its body.
func SplitMessage(msg []byte) (Message, schemas.Block, error) {
	m, err := ParseMeta(msg)
	if err != nil {
		return m, schemas.Block{}, err
	}
	meta := int64(prefix) + int64(binary.LittleEndian.Uint32(msg[4:]))
	if m.BodyLen > int64(len(msg))-meta || meta > math.MaxInt32 {
		return m, schemas.Block{}, Invalid("the message says its body has %d bytes; %d are there", m.BodyLen, int64(len(msg))-meta)
	}
	return m, schemas.Block{Meta: int32(meta), Body: m.BodyLen, Rows: m.Rows}, nil
}
