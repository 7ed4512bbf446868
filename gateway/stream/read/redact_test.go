package read_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"guichet/connectors/s3"
	"guichet/gateway/stream/read"
	"guichet/schemas"
)

// Whatever a store or the registry says of a place, the caller hears of table and split; the
// cause, for the log, keeps the place.
func TestRedactLocation(t *testing.T) {
	const place = "s3://secret-bucket/folder/file.arrow"
	says := func(kind schemas.Kind) error { return schemas.Errorf(kind, place, "%s is not what it was", place) }
	fault := &schemas.Error{
		Kind:    schemas.Unavailable,
		Subject: place,
		Message: place,
		Err:     s3.Fault("answers another range than was asked for"),
	}
	for name, c := range map[string]struct {
		err    error
		kind   schemas.Kind
		text   string
		remedy string
	}{
		"not found": {says(schemas.NotFound), schemas.Gone, "an object of t/all is not there any more as it was published",
			"let the provider publish a new version"},
		"gone": {says(schemas.Gone), schemas.Gone, "an object of t/all is not there any more as it was published",
			"let the provider publish a new version"},
		"denied": {says(schemas.Denied), schemas.Denied, "the provider may not use the place any more where t/all lies",
			"write to the provider"},
		"unavailable": {says(schemas.Unavailable), schemas.Unavailable, "the store of t/all does not answer", "try again in a moment"},
		"a fault": {fault, schemas.Unavailable, "the store of t/all answers another range than was asked for",
			s3.Fault("answers another range than was asked for").Remedy()},
	} {
		t.Run(name, func(t *testing.T) {
			err := read.RedactLocation("t/all", fmt.Errorf("read: %w", c.err))
			e, ok := errors.AsType[*schemas.Error](err)
			if !ok || e.Kind != c.kind || e.Message != c.text || e.Remedy != c.remedy || e.Subject != "t/all" {
				t.Fatalf("got %+v", e)
			}
			if strings.Contains(e.Message+e.Remedy+e.Subject+fmt.Sprint(e.Reasons), "secret-bucket") {
				t.Errorf("the place is named: %+v", e)
			}
			if !errors.Is(err, c.err) {
				t.Error("the cause is lost")
			}
		})
	}
	for _, err := range []error{nil, errors.New("a fault of ours"), says(schemas.Invalid)} {
		if got := read.RedactLocation("t/all", err); !errors.Is(got, err) || err == nil && got != nil {
			t.Errorf("%v became %v", err, got)
		}
	}
}
