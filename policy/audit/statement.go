package audit

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// statement is what the log says of a bundle that it wrote, signed with its key: for whom,
// how many records, and the digest of their file. Without it whoever passes a bundle on
// could leave records out, or values, and say that they were withheld. Its first line ends
// in /bundle, so that no reader takes it for a checkpoint.
type statement struct {
	exporter string // participant, or AnOfficer
	size     int64  // of the log
	records  int64
	digest   [sha256.Size]byte
}

// AnOfficer is for whom bundles are that withhold nothing.
const AnOfficer = "officer"

const bundleOrigin = "/bundle"

func (s statement) text(origin string) string {
	digest := base64.StdEncoding.EncodeToString(s.digest[:])
	return fmt.Sprintf("%s%s\n%s\n%d\n%d\n%s\n", origin, bundleOrigin, s.exporter, s.size, s.records, digest)
}

// openStatement verifies a statement with the log's public key. Invalid: not one, of
// another log, or not signed by that key.
func openStatement(msg []byte, vkey string) (statement, error) {
	bad := func(why string, err error) (statement, error) {
		return statement{}, badBundle(err, "has a statement that %s", why)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return bad("cannot be verified: the log's public key cannot be read", err)
	}
	n, err := note.Open(msg, note.VerifierList(v))
	if err != nil {
		return bad("is not signed by this log's key", err)
	}
	// guichet.example/log/bundle, for whom, the log's size, the bundle's records, the digest
	// of its records file: five lines and the empty one after the last.
	lines := strings.Split(n.Text, "\n") // ends with an empty one
	if len(lines) != 6 || lines[0] != v.Name()+bundleOrigin {
		return bad("is none about a bundle of this log", nil)
	}
	s := statement{exporter: lines[1]}
	s.size, err = parseSize(lines[2])
	if err == nil {
		s.records, err = parseSize(lines[3])
	}
	if err != nil {
		return bad("has no proper number", err)
	}
	h, err := parseHash(lines[4])
	if err != nil {
		return bad("has no proper digest", err)
	}
	s.digest = h
	return s, nil
}

// holds reports where a bundle is not the one that a statement is about; none is a bundle
// of an earlier version, which withholds nothing.
func (s *statement) holds(rep *Report, digest [sha256.Size]byte) {
	switch {
	case s == nil && rep.Withheld > 0:
		rep.bad(-1, "%s withheld, and no statement of the log says so", counted(rep.Withheld, "value is", "values are"))
	case s == nil:
	case s.size != rep.Size || s.records != rep.Records || s.digest != digest:
		rep.bad(-1, "these are not the %d records that were exported for %s: some were left out or changed since", s.records, s.exporter)
	case s.exporter == AnOfficer && rep.Withheld > 0:
		rep.bad(-1, "from an officer nothing is withheld, and here %s", counted(rep.Withheld, "value is", "values are"))
	default:
		rep.For = s.exporter
	}
}

func counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatInt(n, 10) + " " + many
}
