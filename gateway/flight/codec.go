package flight

import (
	"encoding/binary"
	"fmt"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that ours falls back to
	"google.golang.org/grpc/mem"
)

// frame is one FlightData whose body is sent from where it lies: the protobuf
// library would copy every batch once more.
type frame struct {
	header, app, body []byte
	head              []byte
	free              chan struct{} // closed when the body was written; nil when it was copied
}

// Tags of FlightData's fields, all of wire type 2 [Flight.proto].
const (
	tagHeader = 2<<3 | 2
	tagApp    = 3<<3 | 2
	tagBody   = 1000<<3 | 2
)

// overhead bounds what framing adds to a message's own bytes.
const overhead = 512

// smallBody is below what gRPC keeps as a counted buffer; it is copied.
const smallBody = 4 << 10

func field(b []byte, tag uint64, v []byte) []byte {
	if len(v) == 0 {
		return b
	}
	b = binary.AppendUvarint(b, tag)
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

// prefix is everything but the body.
func (f *frame) prefix() []byte {
	if f.head == nil {
		b := make([]byte, 0, len(f.header)+len(f.app)+32)
		b = field(b, tagHeader, f.header)
		b = field(b, tagApp, f.app)
		if len(f.body) > 0 {
			b = binary.AppendUvarint(b, tagBody)
			b = binary.AppendUvarint(b, uint64(len(f.body)))
		}
		f.head = b
	}
	return f.head
}

func (f *frame) size() int { return len(f.prefix()) + len(f.body) }

// wait returns when nobody holds the body any more.
func (f *frame) wait() {
	if f.free != nil {
		<-f.free
	}
}

// returned is the pool that a frame's body goes back to: it only tells.
type returned struct{ free chan struct{} }

func (returned) Get(n int) *[]byte { b := make([]byte, n); return &b }
func (r returned) Put(*[]byte)     { close(r.free) }

// codec encodes frames in place and everything else by protobuf.
type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(v any) (mem.BufferSlice, error) {
	f, ok := v.(*frame)
	if !ok {
		return proto().Marshal(v)
	}
	if len(f.body) < smallBody {
		return mem.BufferSlice{mem.SliceBuffer(append(f.prefix(), f.body...))}, nil
	}
	f.free = make(chan struct{})
	body := f.body
	return mem.BufferSlice{mem.SliceBuffer(f.prefix()), mem.NewBuffer(&body, returned{f.free})}, nil
}

func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	err := proto().Unmarshal(data, v)
	if err != nil {
		return fmt.Errorf("decode a Flight message: %w", err)
	}
	return nil
}

func proto() encoding.CodecV2 { return encoding.GetCodecV2("proto") }
