package staged

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"guichet/connectors/client"
	"guichet/schemas"
)

// Renew hands back what was read and opens the copy for another while; 0 is the usual hour. Where the
// gateway refuses, the copy is closed at once for all who read it; not where it says that it knows no
// such copy, which it says to strangers.
func (c *Copy) Renew(ctx context.Context, by *client.Client, lasts time.Duration) (schemas.OpenAnswer, error) {
	var ask schemas.OpenAsk
	if lasts > 0 {
		ask.Until = c.now().Add(lasts)
	}
	var out schemas.OpenAnswer
	over, err := c.alone()
	if err != nil {
		return out, err
	}
	defer over()
	_, err = c.handBack(ctx, by)
	if err == nil {
		err = by.Post(ctx, "/copies/"+string(c.ID())+"/open", ask, &out)
	}
	if e, is := errors.AsType[*schemas.Error](err); is && closes(e) {
		_ = c.write(openName, opened{Refused: e.Message}) // the refusal is told in any case
	}
	if err != nil {
		return out, err
	}
	return out, c.write(openName, opened{Identity: out.Identity, Until: out.Until})
}

// closes says whether a refusal is of the copy, and not of who asks from where.
func closes(e *schemas.Error) bool {
	return (e.Kind == schemas.Denied || e.Kind == schemas.Gone) &&
		!slices.ContainsFunc(e.Reasons, func(r schemas.Reason) bool { return strings.HasSuffix(r.Rule, ".place") })
}

// soon is how late Keep learns at the latest that a copy was ended.
const soon = 5 * time.Minute

// Keep renews again and again, every five minutes or after half of a shorter while, until ctx ends or
// the gateway refuses. A gateway that cannot be reached is asked again soon. told is called after each try.
func (c *Copy) Keep(ctx context.Context, by *client.Client, lasts time.Duration, told func(schemas.OpenAnswer, error)) error {
	for {
		open, err := c.Renew(ctx, by, lasts)
		if ctx.Err() != nil {
			return nil
		}
		told(open, err)
		wait := 30 * time.Second
		switch schemas.KindOf(err) {
		case schemas.Unavailable, schemas.Busy:
		default:
			if err != nil {
				return err
			}
			wait = min(max(time.Until(open.Until)/2, time.Second), soon)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// End hands back what was read, has the gateway destroy the copy's key, and removes the files.
func (c *Copy) End(ctx context.Context, by *client.Client) (schemas.ReadsOfCopy, error) {
	over, err := c.alone()
	if err != nil {
		return schemas.ReadsOfCopy{}, err
	}
	defer over()
	reads, err := c.handBack(ctx, by)
	if err != nil {
		return reads, err
	}
	err = by.Post(ctx, "/leases/"+string(c.ID())+"/revoke", map[string]string{"reason": "the copy was removed"}, nil)
	switch schemas.KindOf(err) {
	case schemas.Conflict, schemas.NotFound: // it has ended before
		err = nil
	}
	if err != nil {
		return reads, err
	}
	ours := []string{openName, partsName, dataName, logsName, readsName, aboutName, lockName}
	for _, name := range ours { // and nothing that others put there
		err = c.root.RemoveAll(name)
		if err != nil {
			return reads, schemas.Errorf(schemas.Unavailable, c.dir, "the key is destroyed, and %s cannot be removed: %w", name, err)
		}
	}
	_ = os.Remove(c.dir) // where it is empty
	return reads, c.root.Close()
}
