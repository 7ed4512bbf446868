package client

import (
	"context"
	"net/url"

	"guichet/schemas"
)

// Query makes the query string of name and value pairs, with its question mark; a pair
// whose value is empty is left out, and without any it is empty.
func Query(pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// Search finds datasets: query is a Query of what the API takes.
func (c *Client) Search(ctx context.Context, query string) (schemas.Found, error) {
	var f schemas.Found
	return f, c.Get(ctx, "/datasets"+query, &f)
}
