package read

import (
	"errors"

	"guichet/connectors/s3"
	"guichet/schemas"
)

// RedactLocation says what a store or the registry answered without the places that it names:
// where a provider's objects lie is the provider's business. where names them as callers
// do, by table and split. The cause keeps the places, for the log.
func RedactLocation(where string, err error) error {
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok {
		return err
	}
	out := &schemas.Error{Kind: e.Kind, Subject: where, Err: err}
	switch e.Kind {
	case schemas.NotFound, schemas.Gone:
		out.Kind, out.Message, out.Remedy = schemas.Gone, "an object of "+where+" is not there any more as it was published",
			"let the provider publish a new version"
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
