package webdataset

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"guichet/connectors/column"
	"guichet/connectors/ipc"
)

// The bounds of a tar.
const (
	maxSample  = 128 << 20 // bytes of a sample's members together
	maxSamples = 2_000_000
	maxName    = 1024
	maxEndings = 256 // columns
)

// sample is members of one name.
type sample struct {
	key     string
	members []member
	bytes   int64
}

// member is one file of a sample.
type member struct {
	ending string // in small letters, without its first dot
	data   []byte
}

// walk gives the samples of a tar in their order; skipped counts members that are no data: those
// whose names begin with a dot. Kind: Invalid, with the member's name.
func walk(ctx context.Context, data []byte, f func(s *sample) error) (skipped int, err error) {
	rest := bytes.NewReader(data)
	in := tar.NewReader(rest)
	seen := map[string]struct{}{}
	var now *sample
	for n := 0; ; n++ {
		if n%256 == 0 && ctx.Err() != nil {
			return skipped, ctx.Err()
		}
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return skipped, ipc.Invalid("the tar is damaged after %d members: %w", n, err)
		}
		data, err := isData(h)
		if err != nil {
			return skipped, err
		}
		if !data {
			if h.Typeflag == tar.TypeReg {
				skipped++
			}
			continue
		}
		key, ending := divide(h.Name)
		if now == nil || now.key != key {
			if now != nil {
				err = f(now)
			}
			if _, twice := seen[key]; err == nil && twice {
				err = ipc.Invalid("%q: members of the sample %q stand in two places; they follow each other", h.Name, key)
			}
			if err == nil && len(seen) == maxSamples {
				err = ipc.Invalid("there are more than %d samples; divide the tar", maxSamples)
			}
			if err != nil {
				return skipped, err
			}
			seen[key], now = struct{}{}, &sample{key: key}
		}
		err = now.add(h, ending, in)
		if err != nil {
			return skipped, err
		}
	}
	if len(bytes.Trim(data[len(data)-rest.Len():], "\x00")) > 0 { // readers of tars end at an end, and what follows would be lost
		return skipped, ipc.Invalid("the tar goes on after its end: of several that were joined, publish each as a file of its own")
	}
	if now == nil {
		return skipped, ipc.Invalid("the tar has no sample")
	}
	return skipped, f(now)
}

// isData says whether a member is one of a sample. Errors: Invalid for what leads elsewhere, and
// for what is no plain file.
func isData(h *tar.Header) (bool, error) {
	switch h.Typeflag {
	case tar.TypeDir, tar.TypeXGlobalHeader:
		return false, nil
	case tar.TypeReg:
	default:
		return false, ipc.Invalid("%q is no plain file: links, devices and sparse members are not read", h.Name)
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return false, ipc.Invalid("%q is no plain file: links, devices and sparse members are not read", h.Name)
		}
	}
	name := strings.TrimPrefix(h.Name, "./")
	switch {
	case name == "" || len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, unseen):
		return false, ipc.Invalid("%.100q cannot name a member: a name has 1 to %d bytes of UTF-8 that can be seen", h.Name, maxName)
	case path.IsAbs(name) || path.Clean(name) != name || strings.HasPrefix(name, "../"):
		return false, ipc.Invalid("%q leads out of the tar, or around in it", h.Name)
	}
	base := path.Base(name)
	if base[0] == '.' { // of macOS, and of editors
		return false, nil
	}
	if !strings.Contains(base, ".") || strings.HasSuffix(base, ".") {
		return false, ipc.Invalid("%q has no ending, which would say which column it is of", h.Name)
	}
	return true, nil
}

// unseen says whether a character cannot be seen, or turns others around.
func unseen(r rune) bool { return r == '\\' || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

// divide parts a member's name into that of its sample and its ending.
func divide(name string) (key, ending string) {
	name = strings.TrimPrefix(name, "./")
	folder, base := path.Split(name)
	base, ending, _ = strings.Cut(base, ".")
	return folder + base, strings.ToLower(ending)
}

// add reads a member into its sample.
func (s *sample) add(h *tar.Header, ending string, in io.Reader) error {
	for _, m := range s.members {
		if m.ending == ending {
			return ipc.Invalid("%q: the sample %q has two members that end in .%s", h.Name, s.key, ending)
		}
	}
	if h.Size > column.MaxValue {
		return ipc.Invalid("%q has %d bytes; a member has at most %d (64 MiB): publish larger files as objects", h.Name, h.Size,
			int64(column.MaxValue))
	}
	if s.bytes += h.Size; s.bytes > maxSample {
		return ipc.Invalid("%q: the members of the sample %q have more than %d bytes together (128 MiB)", h.Name, s.key, int64(maxSample))
	}
	b := make([]byte, h.Size)
	_, err := io.ReadFull(in, b)
	if err != nil {
		return ipc.Invalid("%q: the tar ends in the middle of it: %w", h.Name, err)
	}
	s.members = append(s.members, member{ending, b})
	return nil
}
