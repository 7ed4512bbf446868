package problem

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"guichet/schemas"
)

func TestTableIsExhaustive(t *testing.T) {
	for _, k := range schemas.Kinds() {
		row := Table(k)
		if row.HTTP < 400 || row.GRPC == codes.OK || row.Exit == 0 || row.Title == "" {
			t.Errorf("%s: %+v", k, row)
		}
		if k != schemas.Internal && row.HTTP == 500 {
			t.Errorf("%s has no row of its own", k)
		}
	}
}

func TestKindSurvivesWrapping(t *testing.T) {
	err := fmt.Errorf("open: %w", fmt.Errorf("read: %w", schemas.Errorf(schemas.Gone, "x", "it went: %w", errors.New("secret cause"))))
	p := Of(err, slog.New(slog.DiscardHandler))
	if p.Status != 410 || strings.Contains(p.Error(), "open:") {
		t.Errorf("%+v", p)
	}
}

func TestInternalShowsAnIDOnly(t *testing.T) {
	w := httptest.NewRecorder()
	Write(w, Of(errors.New("password=hunter2"), slog.New(slog.DiscardHandler)))
	if strings.Contains(w.Body.String(), "hunter2") || !strings.Contains(w.Body.String(), "urn:guichet:occurrence:") || w.Code != 500 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// Who went away is no fault of ours: operators are not called for it.
func TestCallersThatWentAway(t *testing.T) {
	for err, want := range map[error]string{context.Canceled: "INFO", errors.New("broken"): "ERROR", context.DeadlineExceeded: "ERROR"} {
		var log strings.Builder
		p := Of(fmt.Errorf("search: %w", err), slog.New(slog.NewTextHandler(&log, nil)))
		if !strings.Contains(log.String(), "level="+want) || p.Status != 500 {
			t.Errorf("%v: %d, %s", err, p.Status, log.String())
		}
	}
}
