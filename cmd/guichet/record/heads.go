package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"guichet/cmd/guichet/files"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/gateway/api"
	"guichet/policy/audit"
	"guichet/schemas"
)

// seenHead is the last head of a gateway's record that this machine saw, with the key of
// its log. Whoever keeps one notices a record that was rolled back or is shown
// differently to others: no gateway can undo what others remember.
type seenHead struct {
	Key        string `json:"key"`
	Checkpoint string `json:"checkpoint"`
}

// readHeads reads the heads that were seen; none where there is no file yet.
func readHeads(path string) (map[string]seenHead, error) {
	heads := map[string]seenHead{}
	b, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return heads, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &heads)
	}
	if err != nil {
		return nil, schemas.Errorf(schemas.Invalid, path, "what was seen of records before cannot be read from %s: %w", path, err)
	}
	return heads, nil
}

// Follow holds a gateway's record against what this machine saw of it last, and
// remembers its head in the file path. anew takes it as it is: whoever signs in. Errors: Conflict:
// the record became shorter, does not begin with what was seen, or is another log's. A
// gateway that cannot show its head now is used all the same, and that is said.
func Follow(ctx context.Context, t *terminal.Terminal, c *client.Client, path, server string, anew bool) error {
	heads, err := readHeads(path)
	if err != nil {
		return err
	}
	before, known := heads[server]
	now, err := headOf(ctx, c)
	if err != nil {
		if known {
			fmt.Fprintf(t.Err, "guichet: the record's head cannot be held against the one seen last: %v\n", err)
		}
		return nil
	}
	if known && before.Key != now.Key && !anew && !onThisMachine(server) {
		return &schemas.Error{
			Kind:    schemas.Conflict,
			Subject: server,
			Message: "the record of " + server + " is signed by another key than the one seen last",
			Remedy:  "ask the operator why; guichet login takes the new log, and what was seen of the old one is forgotten",
		}
	}
	if known && before.Key == now.Key && !anew {
		err = consistent(ctx, c, before, now)
		if e, is := errors.AsType[*schemas.Error](err); is && t.Brakes { // rights are taken away whatever the record looks like
			fmt.Fprintf(t.Err, "guichet: %s: %s\n", e.Message, e.Remedy)
			return nil
		}
		if err != nil {
			return err
		}
	}
	if before == now {
		return nil
	}
	heads[server] = now
	return writeHeads(path, heads)
}

// writeHeads keeps the heads, whole or not at all. Where nothing can be kept, as in a
// container, that is no fault.
func writeHeads(path string, heads map[string]seenHead) error {
	b, err := json.MarshalIndent(heads, "", "  ")
	if err != nil {
		return fmt.Errorf("write what was seen of records: %w", err)
	}
	if os.MkdirAll(filepath.Dir(path), 0o700) != nil {
		return nil // there is no place to remember anything: containers
	}
	f, err := files.Create(path)
	if err != nil {
		return nil //nolint:nilerr // likewise
	}
	_, err = f.Write(b)
	if err != nil {
		f.Drop()
		return schemas.Errorf(schemas.Unavailable, path, "what was seen of records cannot be kept in %s: %w", path, err)
	}
	return f.Keep()
}

// headOf reads a gateway's newest head, whose signature has to hold.
func headOf(ctx context.Context, c *client.Client) (seenHead, error) {
	var key, checkpoint []byte
	err := c.Get(ctx, "/audit/key", &key)
	if err == nil {
		err = c.Get(ctx, "/audit/checkpoint", &checkpoint)
	}
	h := seenHead{strings.TrimSpace(string(key)), string(checkpoint)}
	if err == nil {
		_, err = audit.OpenCheckpoint(checkpoint, h.Key)
	}
	return h, err
}

// consistent says whether the record of a head begins with that of an earlier one.
func consistent(ctx context.Context, c *client.Client, before, now seenHead) error {
	older, err := audit.OpenCheckpoint([]byte(before.Checkpoint), before.Key)
	if err != nil {
		return err
	}
	newer, err := audit.OpenCheckpoint([]byte(now.Checkpoint), now.Key)
	if err != nil {
		return err
	}
	var proof []tlog.Hash
	if newer.Size > older.Size {
		var p api.Consistency
		err := c.Get(ctx, fmt.Sprintf("/audit/consistency?from=%d&to=%d", older.Size, newer.Size), &p)
		if err != nil {
			return err
		}
		for _, h := range p.Hashes {
			if len(h) != tlog.HashSize {
				return schemas.Errorf(schemas.Conflict, "record", "the gateway's proof holds what is not a hash")
			}
			proof = append(proof, tlog.Hash(h))
		}
	}
	return audit.CheckConsistency(older, newer, proof)
}

// onThisMachine says whether a gateway is at a loopback address, where demos come and go.
func onThisMachine(server string) bool {
	u, err := url.Parse(server)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && a.IsLoopback()
}
