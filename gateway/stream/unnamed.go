package stream

import (
	"errors"
	"fmt"
	"io"

	"guichet/connectors/s3"
	"guichet/schemas"
)

// unnamed says what a store or the registry answered without the places that it names:
// where a provider's objects lie is her business. The cause keeps them, for the log.
func (s *Source) unnamed(err error) error {
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok {
		return err
	}
	where := fmt.Sprintf("%s/%s", s.Table.Name, s.Split.Name)
	out := &schemas.Error{Kind: e.Kind, Subject: where, Err: err}
	switch e.Kind {
	case schemas.NotFound, schemas.Gone:
		out.Kind, out.Message, out.Remedy = schemas.Gone, "an object of "+where+" is not there any more as it was published", "let the provider publish a new version"
	case schemas.Denied:
		out.Message, out.Remedy = "the provider may not use the place any more where "+where+" lies", "write to the provider"
		out.Reasons = []schemas.Reason{{Rule: "store.prefix", Source: "prefixes of stores", Text: out.Message, Remedy: out.Remedy}}
	case schemas.Unavailable:
		out.Message, out.Remedy = "the store of "+where+" does not answer", "try again in a moment"
		if f, ok := errors.AsType[s3.Fault](err); ok {
			out.Message, out.Remedy = "the store of "+where+" "+string(f), f.Remedy()
		}
	default:
		return err
	}
	return out
}

// unnamedBody is an object's bytes, whose errors name no place.
type unnamedBody struct {
	io.ReadCloser
	source *Source
}

func (b unnamedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	return n, b.source.unnamed(err)
}
