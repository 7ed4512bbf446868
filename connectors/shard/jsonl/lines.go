package jsonl

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"

	"guichet/connectors/column"
	"guichet/connectors/ipc"
)

// gzipMagic begins what is packed with gzip.
const gzipMagic = "\x1f\x8b"

// lines gives the lines of a file one after another, without those that are empty.
type lines struct {
	r    *bufio.Reader
	long []byte // of a line that is larger than r's buffer
	n    int    // of the line that was given, from 1
	at   int64  // bytes that were read
}

// newLines reads data from the beginning.
func newLines(data []byte) (*lines, error) {
	var from io.Reader = bytes.NewReader(data)
	if bytes.HasPrefix(data, []byte(gzipMagic)) {
		z, err := gzip.NewReader(from)
		if err != nil {
			return nil, ipc.Invalid("the file is packed with gzip, and damaged: %w", err)
		}
		from = z
	}
	l := &lines{r: bufio.NewReaderSize(from, 256<<10)}
	if first, _ := l.r.Peek(3); bytes.Equal(first, []byte("\xef\xbb\xbf")) { // a byte order mark is no part of the text
		_, _ = l.r.Discard(3)
	}
	return l, nil
}

// next gives a line that is not empty, good until the next one; io.EOF after the last.
func (l *lines) next() ([]byte, error) {
	for {
		line, err := l.r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			l.long = append(l.long[:0], line...)
			for errors.Is(err, bufio.ErrBufferFull) {
				line, err = l.r.ReadSlice('\n')
				l.long = append(l.long, line...)
				if len(l.long) > column.MaxValue {
					return nil, ipc.Invalid("line %d has more than %d bytes (64 MiB); is it one document, and not one on each line?", l.n+1,
						int64(column.MaxValue))
				}
			}
			line = l.long
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, ipc.Invalid("the file is packed with gzip, and damaged after line %d: %w", l.n, err)
		}
		l.at += int64(len(line))
		if len(line) > 0 {
			l.n++
		}
		if text := bytes.TrimRight(line, "\r\n"); len(bytes.Trim(text, " \t")) > 0 {
			return text, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read lines: %w", io.EOF)
		}
	}
}
