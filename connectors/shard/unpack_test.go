package shard

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// packedBuffer is a buffer of a compressed body: the length that it says, then the bytes.
func packedBuffer(n int64, b []byte) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(n)), b...)
}

// TestUnpack: buffers of both codecs, stored ones and empty ones; what lies about its length
// is refused before more memory is taken than the batch has left.
func TestUnpack(t *testing.T) {
	plain := bytes.Repeat([]byte("guichet "), 1000)
	var frame bytes.Buffer
	w := lz4.NewWriter(&frame)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	packed := z.EncodeAll(plain, nil)
	n := int64(len(plain))
	for _, x := range []struct {
		name  string
		codec int8
		in    []byte
		left  int64
		want  []byte
		fault string
	}{
		{"LZ4", 0, packedBuffer(n, frame.Bytes()), n, plain, ""},
		{"Zstandard", 1, packedBuffer(n, packed), n, plain, ""},
		{"stored", 1, packedBuffer(-1, plain), 0, plain, ""},
		{"empty", 1, nil, 0, nil, ""},
		{"too short for its length", 0, []byte{1, 2, 3}, n, nil, "a compressed buffer of 3 bytes"},
		{"more than the batch has left", 1, packedBuffer(n, packed), n - 1, nil, "a compressed buffer says it unpacks to 8000 bytes; " +
			"7999 are left for this batch"},
		{"a negative length", 1, packedBuffer(-2, packed), n, nil, "a compressed buffer says it unpacks to -2 bytes"},
		{"fewer bytes than it says", 1, packedBuffer(n+8, packed), 2 * n, nil, "a compressed buffer unpacks to 8000 bytes and says 8008"},
		{"more bytes than it says", 0, packedBuffer(n-8, frame.Bytes()), 2 * n, nil, "a compressed buffer unpacks to 7993 bytes and says 7992"},
		{"no frame", 0, packedBuffer(n, plain), n, nil, "unpack a buffer: lz4: bad magic number"},
		{"torn", 1, packedBuffer(n, packed[:len(packed)-3]), n, nil, "unpack a buffer: unexpected EOF"},
		{"another codec", 7, packedBuffer(n, packed), n, nil, "bodies compressed with codec 7 are not read"},
	} {
		u := &unpacker{left: x.left}
		got, err := u.Unpack(x.codec, x.in)
		if x.fault == "" && (err != nil || !bytes.Equal(got,
			x.want)) || x.fault != "" && (err == nil || !strings.HasPrefix(err.Error(), x.fault)) {
			t.Errorf("%s: %d bytes, %v", x.name, len(got), err)
		}
	}
	u := &unpacker{left: n + 10}
	if _, err := u.Unpack(1, packedBuffer(n, packed)); err != nil || u.left != 10 {
		t.Errorf("%d bytes are left, %v", u.left, err)
	}
}
