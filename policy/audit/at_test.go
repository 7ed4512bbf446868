package audit_test

import (
	"bytes"
	"context"
	"testing"

	"guichet/policy/audit"
	"guichet/schemas"
)

// The record as at an earlier size: its head is what was signed then, and a bundle of it is the same
// bytes whatever was recorded since, and verifies.
func TestAsAtAnEarlierSize(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *site) {
		ctx := context.Background()
		s.append(5)
		kept := s.checkpoint()
		export := func(size int64) []byte {
			var b bytes.Buffer
			err := s.log.Export(ctx, &b, audit.Query{At: size, Kinds: []string{schemas.ChangeReleaseBegin}}, audit.AnOfficer, nil)
			if err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}
		first := export(6)
		s.append(7)
		s.checkpoint()
		msg, h, err := s.log.HeadAt(ctx, 6)
		if err != nil || h.Size != 6 || !bytes.Equal(msg, kept) {
			t.Errorf("%v %+v\n%s\nwant\n%s", err, h, msg, kept)
		}
		again := export(6)
		if !bytes.Equal(first, again) {
			t.Error("the bundle of the same size is another one")
		}
		rep, err := audit.VerifyBundle(bytes.NewReader(again), int64(len(again)), s.vkey)
		if err != nil || !rep.OK() || rep.Records != 5 {
			t.Errorf("%v %+v", err, rep)
		}
		if records, err := s.log.Records(ctx, audit.Query{At: 3}); err != nil || len(records) != 3 {
			t.Errorf("%d records as at 3: %v", len(records), err)
		}
		for _, size := range []int64{-1, 99} {
			if _, _, err := s.log.HeadAt(ctx, size); schemas.KindOf(err) != schemas.Invalid {
				t.Errorf("as at %d: %v", size, err)
			}
		}
	})
}
