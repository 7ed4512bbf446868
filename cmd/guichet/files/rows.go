package files

import (
	"io"

	"guichet/cmd/guichet/terminal"
)

// Rows is a stream of rows that is open, from the gateway or straight from S3.
type Rows struct {
	Reader
	Total   int64  // rows that will come
	Release string // id in the record
	Order   string // what a seed did, in words
}

// Reader gives the bytes of a stream, and says how many rows they were so far.
type Reader interface {
	io.ReadCloser
	Received() int64
}

// Copy writes the stream with a bar of its rows.
func (r *Rows) Copy(t *terminal.Terminal, w io.Writer) (int64, error) {
	bar := terminal.NewProgress(t, "rows")
	defer bar.Done()
	return io.CopyBuffer(w, watched{r, bar}, make([]byte, 1<<20))
}

// watched is a stream whose rows move a bar.
type watched struct {
	*Rows
	bar *terminal.Progress
}

// Read is io.Reader's.
func (w watched) Read(p []byte) (int, error) {
	n, err := w.Rows.Read(p)
	w.bar.Set(w.Received(), w.Total)
	return n, err
}
