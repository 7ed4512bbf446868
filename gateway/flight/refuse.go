package flight

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"guichet/gateway/problem"
	"guichet/gateway/stream/release"
	"guichet/schemas"
)

// problemKey is the trailing metadata with the whole problem as JSON, the body that
// the HTTP doors answer with.
const problemKey = "guichet-problem-bin"

// maxTrailer keeps a trailer under the 8 KiB of headers that gRPC clients take.
const maxTrailer = 4 << 10

// refuse records and translates what is said before a stream began.
func (d *Door) refuse(ctx context.Context, c *call, err error) error {
	token, _ := bearer(ctx) // without one it is nobody's
	late := d.Refusals.RefusedBytes(context.WithoutCancel(ctx), token, c.from(), "flight", err)
	if late != nil {
		d.Log.Error("a refusal is not recorded", "err", late)
	}
	return d.status(ctx, c, err)
}

// status translates an error by the table that all doors share.
func (d *Door) status(ctx context.Context, c *call, err error) error {
	p := problem.Of(err, d.Log)
	code := problem.Table(schemas.KindOf(err)).GRPC
	c.ended(code)
	b, failed := json.Marshal(p)
	if failed == nil && len(b) <= maxTrailer {
		_ = grpc.SetTrailer(ctx, metadata.Pairs(problemKey, string(b))) // it fails only outside a call
	}
	text := problem.InOneText(p)
	if len(text) > maxTrailer/2 {
		text = strings.ToValidUTF8(text[:maxTrailer/2], "") + " …"
	}
	return status.Error(code, text)
}

// broken translates the end of a stream that had begun.
func (d *Door) broken(ctx context.Context, c *call, r schemas.Release, err error) error {
	switch r.State {
	case schemas.ReleaseAbandoned:
		c.ended(codes.Canceled)
		return status.Error(codes.Canceled, r.Cause)
	case schemas.ReleaseCut:
		kind := schemas.Denied
		if cut, ok := errors.AsType[*release.Cut](err); ok && cut.Kind != schemas.Internal {
			kind = cut.Kind
		}
		err = &schemas.Error{
			Kind:    kind,
			Subject: string(r.Agreement),
			Message: r.Cause,
			Remedy:  "GET /api/v1/agreements/" + string(r.Agreement) + " says how it stands",
		}
	default:
		if _, ours := errors.AsType[*schemas.Error](err); !ours {
			err = &schemas.Error{Kind: schemas.Unavailable, Subject: string(r.Agreement), Message: "the stream broke off: " + r.Cause, Err: err}
		}
	}
	err = resumable(err)
	d.Log.Info("a stream was cut", "agreement", r.Agreement, "release", r.ID, "state", r.State, "err", err)
	return d.status(ctx, c, err)
}

// resumable says how a stream goes on that something passing ended.
func resumable(err error) error {
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok || e.Kind != schemas.Unavailable && e.Kind != schemas.Busy {
		return err
	}
	again := *e
	again.Remedy = strings.TrimPrefix(e.Remedy+"; open it again with from= the rows that came", "; ")
	return &again
}
