package staged

import (
	"context"
	"errors"
	"os"
	"time"

	"guichet/connectors/client"
	"guichet/schemas"
)

// Renew hands back what was read and opens the copy for another while; 0 is the usual hour. Where the
// gateway refuses, the copy is closed at once for all who read it.
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
	switch schemas.KindOf(err) {
	case schemas.Denied, schemas.Gone, schemas.NotFound:
		text := err.Error()
		var e *schemas.Error
		if errors.As(err, &e) {
			text = e.Message
		}
		_ = c.write(openName, opened{Refused: text}) // the refusal is told in any case
		return out, err
	}
	if err != nil {
		return out, err
	}
	return out, c.write(openName, opened{Identity: out.Identity, Until: out.Until})
}

// Keep renews again and again, after half of each while, until ctx ends or the gateway refuses. A
// gateway that cannot be reached is asked again soon. told is called after each try.
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
			wait = max(time.Until(open.Until)/2, time.Second)
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
	for _, name := range []string{openName, dataName, logsName, readsName, aboutName, lockName} { // and nothing that others put there
		err = c.root.RemoveAll(name)
		if err != nil {
			return reads, schemas.Errorf(schemas.Unavailable, c.dir, "the key is destroyed, and %s cannot be removed: %w", name, err)
		}
	}
	_ = os.Remove(c.dir) // where it is empty
	return reads, c.root.Close()
}
