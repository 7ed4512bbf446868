package index

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/blevesearch/bleve/v2"
	"go.etcd.io/bbolt"
)

// sweep removes strays that file browsers and archivers leave; Bleve would take
// them for its own.
func (x *Index) sweep() {
	for _, name := range []string{"public", "restricted"} {
		for _, sub := range []string{"", "store"} {
			folder := filepath.Join(x.dir, name, sub)
			entries, err := os.ReadDir(folder)
			if err != nil {
				continue
			}
			for _, e := range entries {
				if !strings.HasPrefix(e.Name(), ".") && e.Name() != "lost+found" {
					continue
				}
				x.log.Info("a stray in the index folder is removed", "file", e.Name())
				err := os.RemoveAll(filepath.Join(folder, e.Name()))
				if err != nil {
					x.log.Warn("a stray in the index folder stays", "file", e.Name(), "err", err)
				}
			}
		}
	}
}

// openVerified opens one index and reads from it, since a torn one may open.
func openVerified(path string) (b bleve.Index, err error) {
	defer func() {
		if p := recover(); p != nil { // Bleve panics on some torn files
			b, err = nil, fmt.Errorf("open %s: %v", path, p)
		}
	}()
	err = sound(filepath.Join(path, "store"))
	if err != nil {
		return nil, err
	}
	b, err = bleve.OpenUsing(path, map[string]any{"bolt_timeout": "5s"})
	if err != nil {
		return nil, err
	}
	n, err := b.DocCount()
	if err == nil {
		var v []byte
		v, err = b.GetInternal(positionKey)
		if err == nil && (len(v) != 16 || binary.BigEndian.Uint64(v[8:]) != n) {
			err = fmt.Errorf("it holds %d documents, not as many as it held at its position", n)
		}
	}
	if err != nil {
		return nil, errors.Join(err, discard(b))
	}
	return b, nil
}

// sound says whether the files of an index are whole. Bleve maps them into memory and
// reads them in goroutines of its own: a fault there would end the process, at every
// start again.
func sound(store string) error {
	root := filepath.Join(store, "root.bolt")
	_, err := os.Stat(root)
	if errors.Is(err, os.ErrNotExist) {
		return nil // there is no index yet, or Bleve says what is wrong
	}
	err = unchanged(root)
	if err != nil {
		return err
	}
	segments, err := soundRoot(root)
	for _, s := range segments {
		if err == nil {
			err = soundSegment(filepath.Join(store, s))
		}
	}
	return err
}

// sumOf is where the sum of an index's root stands between a clean stop and the next
// start: outside the folder, which is Bleve's own.
func sumOf(root string) string { return filepath.Dir(filepath.Dir(root)) + ".sum" }

// keepSum notes the root as it is after a clean stop.
func keepSum(path string) error {
	root := filepath.Join(path, "store", "root.bolt")
	b, err := os.ReadFile(root)
	if errors.Is(err, os.ErrNotExist) {
		return nil // the folder was taken away: the next start begins anew
	}
	if err == nil {
		err = os.WriteFile(sumOf(root), fmt.Appendf(nil, "%x\n", sha256.Sum256(b)), 0o600)
	}
	if err != nil {
		return fmt.Errorf("note the index's sum: %w", err)
	}
	return nil
}

// unchanged says whether the root is as a clean stop left it. After a crash there is
// no sum, and bbolt's own order of writes must do.
func unchanged(root string) error {
	said, err := os.ReadFile(sumOf(root))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var b []byte
	if err == nil {
		b, err = os.ReadFile(root)
	}
	if err == nil {
		err = os.Remove(sumOf(root)) // from here on the root changes
	}
	if err != nil {
		return fmt.Errorf("check the index's sum: %w", err)
	}
	if strings.TrimSpace(string(said)) != fmt.Sprintf("%x", sha256.Sum256(b)) {
		return fmt.Errorf("%s is not as it was left", root)
	}
	return nil
}

// soundRoot reads all that root.bolt holds, and gives the names of the segments that
// it refers to. A crash may leave others, half written: Bleve removes them unread.
func soundRoot(path string) (segments []string, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // a page beyond the file's end
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s is damaged: %v", path, p)
		}
	}()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, PreLoadFreelist: true, Timeout: 5 * time.Second})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	sum := crc32.NewIEEE() // reads every page of the values
	err = db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(_ []byte, b *bbolt.Bucket) error {
			return values(b, func(v []byte) error {
				if bytes.HasSuffix(v, []byte(".zap")) {
					segments = append(segments, filepath.Base(string(v)))
				}
				_, err := sum.Write(v)
				return err
			})
		})
	})
	return segments, errors.Join(err, db.Close())
}

// values gives every value of a bucket and of those in it.
func values(b *bbolt.Bucket, each func([]byte) error) error {
	return b.ForEach(func(k, v []byte) error {
		if v == nil {
			return values(b.Bucket(k), each)
		}
		return each(v)
	})
}

// soundSegment holds a segment against the CRC-32 in its last four bytes [zap file
// format 17].
func soundSegment(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("check a segment: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("check a segment: %w", err)
	}
	var said [4]byte
	_, err = f.ReadAt(said[:], max(st.Size()-4, 0))
	if err != nil {
		return fmt.Errorf("%s is too short: %w", path, err)
	}
	sum := crc32.NewIEEE()
	_, err = io.Copy(sum, io.NewSectionReader(f, 0, st.Size()-4))
	if err != nil {
		return fmt.Errorf("check a segment: %w", err)
	}
	if sum.Sum32() != binary.BigEndian.Uint32(said[:]) {
		return fmt.Errorf("%s is damaged: its sum is not the one that it says", path)
	}
	return nil
}
