package shard

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"

	"guichet/connectors/batch"
	"guichet/connectors/ipc"
	"guichet/schemas"
)

// fileWriter writes an Arrow IPC file front to back; the first error stays.
type fileWriter struct {
	w    *bufio.Writer
	sum  hash.Hash
	at   int64
	most int64
	err  error
	zero [ipc.Alignment]byte
}

// MostOut is how many bytes may be written of an input of size bytes: formats that pack
// expand, some without end.
func MostOut(size int64) int64 { return 256<<20 + 64*size }

// newFileWriter writes what becomes of an input of size bytes.
func newFileWriter(f io.Writer, size int64) *fileWriter {
	w := &fileWriter{sum: sha256.New(), most: MostOut(size)}
	w.w = bufio.NewWriterSize(io.MultiWriter(f, w.sum), 1<<20)
	return w
}

// put writes b, unless an error stands already or the file would grow beyond its bound.
func (w *fileWriter) put(b []byte) {
	if w.err == nil && w.at+int64(len(b)) > w.most {
		w.err = schemas.Errorf(schemas.TooLarge, "", "the file becomes more than %d bytes of Arrow, 64 times its own and 256 MiB; "+
			"split it into smaller files, or pack it less", w.most)
	}
	if w.err != nil {
		return
	}
	n, err := w.w.Write(b)
	w.at += int64(n)
	w.err = err
}

func (w *fileWriter) start(schema []byte) {
	w.put(ipc.FileStart())
	w.put(schema)
}

// message writes m and says where it stands.
func (w *fileWriter) message(m batch.Message, rows int64) schemas.Block {
	b := schemas.Block{Offset: w.at, Meta: int32(len(m.Meta)), Body: m.BodyLen, Rows: rows}
	put := func(p []byte) {
		b.Sum = ipc.AddSum(b.Sum, p)
		w.put(p)
	}
	put(m.Meta)
	for _, buf := range m.Buffers {
		put(buf)
		put(w.zero[:ipc.Padded(int64(len(buf)))-int64(len(buf))])
	}
	return b
}

// finish writes the footer and gives the file's size and digest.
func (w *fileWriter) finish(schema []byte, dictionaries, batches []schemas.Block) (int64, string, error) {
	foot, err := ipc.FileFooter(schema, dictionaries, batches)
	if err != nil {
		return 0, "", err
	}
	w.put(foot)
	if w.err == nil {
		w.err = w.w.Flush()
	}
	if w.err != nil {
		return 0, "", fmt.Errorf("write the canonical file: %w", w.err)
	}
	return w.at, hex.EncodeToString(w.sum.Sum(nil)), nil
}

// readFile is the fallback where files cannot be mapped.
func readFile(f *os.File, size int64) ([]byte, func(), error) {
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil && err != io.EOF {
		return nil, nil, fmt.Errorf("read the object: %w", err)
	}
	return b, func() {}, nil
}
