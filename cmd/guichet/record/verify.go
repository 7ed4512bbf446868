package record

import (
	"context"
	"iter"
	"net/url"
	"strings"

	"guichet/connectors/client"
	"guichet/policy/audit"
	"guichet/schemas"
)

// Verify reads every record and recomputes the tree here, so that the gateway
// need not be believed, and holds the stored nouns that rule against it. Only who may
// read every record can; Denied for others, whose part of the record would otherwise
// look like a record with holes.
func Verify(ctx context.Context, c *client.Client, key string, saved [][]byte) (audit.Report, error) {
	if key == "" {
		var b []byte
		err := c.Get(ctx, "/audit/key", &b)
		if err != nil {
			return audit.Report{}, err
		}
		key = strings.TrimSpace(string(b))
	}
	nouns, err := storedNouns(ctx, c) // before the records, so that each is in them
	if err != nil {
		return audit.Report{}, err
	}
	var checkpoint []byte
	err = c.Get(ctx, "/audit/checkpoint", &checkpoint)
	if err != nil {
		return audit.Report{}, err
	}
	return audit.VerifyRecords(Records(ctx, c), checkpoint, key, nouns, saved...)
}

// storedNouns reads what rules at the gateway, as of its first page.
func storedNouns(ctx context.Context, c *client.Client) (*audit.Nouns, error) {
	out := &audit.Nouns{AsOf: -1}
	for next := ""; ; {
		var p audit.NounPage
		err := c.Get(ctx, "/audit/nouns?limit=1000&cursor="+url.QueryEscape(next), &p)
		if err != nil {
			return nil, err
		}
		if out.AsOf < 0 {
			out.AsOf = p.AsOf
		}
		out.List = append(out.List, p.Items...)
		next = p.Next
		if next == "" {
			return out, nil
		}
	}
}

// Records gives every record in order; the first error is the last element.
func Records(ctx context.Context, c *client.Client) iter.Seq2[schemas.Record, error] {
	return func(yield func(schemas.Record, error) bool) {
		for next := ""; ; {
			var p schemas.Page[schemas.Record]
			err := c.Get(ctx, "/audit/records?whole=true&limit=1000&cursor="+url.QueryEscape(next), &p)
			if err != nil {
				yield(schemas.Record{}, err)
				return
			}
			for _, r := range p.Items {
				if !yield(r, nil) {
					return
				}
			}
			next = p.Next
			if next == "" {
				return
			}
		}
	}
}
