package shard

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// maxUnpacked is the most bytes that one batch may unpack to.
const maxUnpacked = 192 << 20

// unpacker undoes body compression, at most left bytes in all: a small object
// cannot ask for memory beyond that.
type unpacker struct {
	left int64
}

// Unpack undoes one buffer: 8 bytes of length (−1: stored), then the bytes.
func (f *unpacker) Unpack(codec int8, b []byte) ([]byte, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if len(b) < 8 {
		return nil, fmt.Errorf("a compressed buffer of %d bytes", len(b))
	}
	n := int64(binary.LittleEndian.Uint64(b))
	if b = b[8:]; n == -1 {
		return b, nil
	}
	if n < 0 || n > f.left {
		return nil, fmt.Errorf("a compressed buffer says it unpacks to %d bytes; %d are left for this batch", n, f.left)
	}
	f.left -= n
	r, err := unpacking(codec, b)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	got, err := io.Copy(&out, io.LimitReader(r, n+1))
	if err != nil {
		return nil, fmt.Errorf("unpack a buffer: %w", err)
	}
	if got != n {
		return nil, fmt.Errorf("a compressed buffer unpacks to %d bytes and says %d", got, n)
	}
	return out.Bytes(), nil
}

func unpacking(codec int8, b []byte) (io.Reader, error) {
	switch codec {
	case 0:
		return lz4.NewReader(bytes.NewReader(b)), nil
	case 1:
		z, err := zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20),
			zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, fmt.Errorf("unpack a buffer: %w", err)
		}
		return z.IOReadCloser(), nil
	}
	return nil, fmt.Errorf("bodies compressed with codec %d are not read", codec)
}
