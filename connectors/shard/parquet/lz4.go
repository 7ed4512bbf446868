package parquet

import (
	"encoding/binary"
	"errors"

	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/pierrec/lz4/v4"
)

// The codec LZ4 of before 2021 is not LZ4_RAW: Hadoop frames blocks by their lengths,
// other writers put one bare block [parquet-format, Compression.md]. The library has
// no codec for it, and a place to register one at start.
func init() { compress.RegisterCodec(compress.Codecs.Lz4, hadoopLZ4{}) }

// hadoopLZ4 only reads. Decode's dst has the page's unpacked length.
type hadoopLZ4 struct{}

var errLZ4 = errors.New("a page is not packed as LZ4 says")

// DecodeWithError tries Hadoop's framing, then one bare block.
func (hadoopLZ4) DecodeWithError(dst, src []byte) ([]byte, error) {
	if out, ok := hadoopBlocks(dst, src); ok {
		return out, nil
	}
	n, err := lz4.UncompressBlock(src, dst)
	if err != nil {
		return nil, errLZ4
	}
	return dst[:n], nil
}

// hadoopBlocks wants the blocks to fill src and dst exactly.
func hadoopBlocks(dst, src []byte) ([]byte, bool) {
	out := 0
	for len(src) > 0 {
		if len(src) < 8 {
			return nil, false
		}
		whole, packed := int64(binary.BigEndian.Uint32(src)), int64(binary.BigEndian.Uint32(src[4:]))
		if src = src[8:]; packed > int64(len(src)) || whole > int64(len(dst)-out) {
			return nil, false
		}
		n, err := lz4.UncompressBlock(src[:packed], dst[out:out+int(whole)])
		if err != nil || int64(n) != whole {
			return nil, false
		}
		out, src = out+n, src[packed:]
	}
	return dst[:out], out == len(dst)
}

// Decode is what the interface wants beside DecodeWithError; the library recovers.
func (h hadoopLZ4) Decode(dst, src []byte) []byte {
	out, err := h.DecodeWithError(dst, src)
	if err != nil {
		panic(err)
	}
	return out
}

// Encode is never called: nothing here writes Parquet.
func (hadoopLZ4) Encode(_, _ []byte) []byte { panic(errLZ4) }

// EncodeLevel is never called.
func (hadoopLZ4) EncodeLevel(_, _ []byte, _ int) []byte { panic(errLZ4) }

// CompressBound is never called.
func (hadoopLZ4) CompressBound(n int64) int64 { return n }
