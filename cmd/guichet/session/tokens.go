package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"guichet/cmd/guichet/files"
	"guichet/connectors/client"
	"guichet/schemas"
)

const (
	renewEarly = time.Minute           // before the end of an access token
	lockWithin = time.Minute           // another command renews the tokens for so long at most
	lockPoll   = 50 * time.Millisecond // whether it has
)

// keptTokens are a person's tokens, 0600, beside her session.
type keptTokens struct {
	Issuer string `json:"issuer"`
	Client string `json:"client_id"`
	client.Tokens
}

func tokensFile() (string, error) {
	path, err := File()
	return filepath.Join(filepath.Dir(path), "tokens.json"), err
}

// People is the client with which the session's person signs in.
func (s Session) People() client.People {
	return client.People{Issuer: s.Issuer, Client: s.ClientID}
}

// KeepTokens keeps a person's tokens, for their owner alone.
func (s Session) KeepTokens(t client.Tokens) error {
	path, err := tokensFile()
	if err != nil {
		return err
	}
	b, err := json.Marshal(keptTokens{s.Issuer, s.ClientID, t})
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err != nil {
		return fmt.Errorf("keep the tokens: %w", err)
	}
	f, err := files.Create(path)
	if err != nil {
		return err
	}
	err = f.Chmod(0o600)
	if err == nil {
		_, err = f.Write(b)
	}
	if err != nil {
		f.Drop()
		return fmt.Errorf("keep the tokens: %w", err)
	}
	return f.Keep()
}

// tokensKept reads them. Errors: Unauthenticated where there are none of this session.
func (s Session) tokensKept() (client.Tokens, error) {
	out := &schemas.Error{Kind: schemas.Unauthenticated, Subject: "token", Message: "nobody is signed in on this machine any more",
		Remedy: "sign in: guichet login"}
	path, err := tokensFile()
	if err != nil {
		return client.Tokens{}, err
	}
	text, err := files.Secret(path)
	if errors.Is(err, fs.ErrNotExist) {
		return client.Tokens{}, out
	}
	if err != nil {
		return client.Tokens{}, err
	}
	var t keptTokens
	err = json.Unmarshal([]byte(text), &t)
	if err != nil || t.Issuer != s.Issuer || t.Client != s.ClientID {
		return client.Tokens{}, out
	}
	return t.Tokens, nil
}

// personal gets a person's access token, renewed where its end is near. Of all commands of a
// machine one asks the issuer, since many refresh tokens are good once.
func (s Session) personal(ctx context.Context) (string, error) {
	t, err := s.tokensKept()
	if err != nil || time.Until(t.Until) > renewEarly {
		return t.Access, err
	}
	release, err := lockTokens(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	t, err = s.tokensKept()
	if err != nil || time.Until(t.Until) > renewEarly {
		return t.Access, err
	}
	if t.Refresh == "" {
		if time.Now().Before(t.Until) {
			return t.Access, nil
		}
		return "", &schemas.Error{Kind: schemas.Unauthenticated, Subject: "token", Message: "your sign-in at " + s.Issuer + " is over",
			Remedy: "sign in: guichet login"}
	}
	believe, err := s.Believe()
	if err != nil {
		return "", err
	}
	next, err := s.People().Renew(context.WithoutCancel(ctx), t.Refresh, believe) // a token that was used must be replaced
	if schemas.KindOf(err) == schemas.Unavailable && time.Now().Before(t.Until) {
		return t.Access, nil
	}
	if err != nil {
		return "", err
	}
	return next.Access, s.KeepTokens(next)
}

// lockTokens waits until no other command of this user renews tokens.
func lockTokens(ctx context.Context) (release func(), err error) {
	path, err := tokensFile()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lockWithin)
	defer cancel()
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		f, taken, err := files.TryLock(path + ".lock")
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !taken {
			return nil, schemas.Errorf(schemas.Unavailable, path, "the tokens cannot be renewed: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil, schemas.Errorf(schemas.Busy, path, "another command renews your sign-in: %w", context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// End ends the session of this user on this machine, and with it what was kept by it; what
// was seen of records stays. It tells the issuer, which error it gives after all is gone.
func End(ctx context.Context) (Session, error) {
	s, err := kept()
	if err != nil {
		s = Session{} // whatever it is, it goes
	}
	t, _ := s.tokensKept()
	path, err := File()
	if err != nil {
		return s, err
	}
	keys, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "s3-*.json")) // the pattern is a good one
	for _, gone := range append(keys, path, filepath.Join(filepath.Dir(path), "tokens.json")) {
		err := os.Remove(gone)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return s, schemas.Errorf(schemas.Unavailable, gone, "the file cannot be removed: %w", err)
		}
	}
	if t.Refresh == "" {
		return s, nil
	}
	believe, err := s.Believe()
	if err != nil {
		return s, err
	}
	return s, s.People().Forget(ctx, t.Refresh, believe)
}
