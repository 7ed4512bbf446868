package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"guichet/cmd/guichet/files"
	"guichet/cmd/guichet/session"
	"guichet/cmd/guichet/terminal"
	"guichet/schemas"
)

// leaseCmd gets the key to byte doors, printed alone so that a shell can take it.
type leaseCmd struct {
	Agreements []string `arg:"" help:"Ids of agreements of one project."`
	Run_       string   `name:"run" help:"Id of the run." placeholder:"ID"`
	AWS        bool     `name:"aws" help:"Print its S3 key as a credential_process of AWS's tools does, again the same one until a third of its time is left."`
}

// Run gets a lease and prints its token.
func (v leaseCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	if v.AWS {
		return v.aws(ctx, t, g)
	}
	l, err := v.lease(ctx, g)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(l)
	}
	fmt.Fprintln(t.Out, l.Token)
	return nil
}

func (v leaseCmd) lease(ctx context.Context, g *grammar) (schemas.LeaseAnswer, error) {
	c, err := g.client(ctx)
	if err != nil {
		return schemas.LeaseAnswer{}, err
	}
	var ids []schemas.AgreementID
	for _, a := range v.Agreements {
		ids = append(ids, schemas.AgreementID(a))
	}
	return c.Lease(ctx, schemas.RunID(v.Run_), ids...)
}

// processKey is what a credential_process prints [AWS SDKs and Tools Reference Guide, Process
// credential provider].
type processKey struct {
	Version         int
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	Expiration      time.Time
}

// aws prints a key. botocore asks for another one at each request once less than 15 minutes are
// left of the last, which is always: a key is kept, so that this makes no lease each.
func (v leaseCmd) aws(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	path, err := v.keptKey(g)
	if err != nil {
		return err
	}
	var key processKey
	kept, err := files.Secret(path)
	if err != nil || json.Unmarshal([]byte(kept), &key) != nil || time.Until(key.Expiration) < 5*time.Minute {
		l, err := v.lease(ctx, g)
		if err != nil {
			return err
		}
		if l.S3 == nil {
			return &schemas.Error{
				Kind: schemas.Unavailable, Subject: "s3", Message: "the gateway has no S3 face",
				Remedy: "the operator gives it one: s3_listen in its settings",
			}
		}
		key = processKey{1, l.S3.AccessKeyID, l.S3.SecretAccessKey, l.Until}
		err = keepKey(path, key)
		if err != nil {
			return err
		}
	}
	return json.NewEncoder(t.Out).Encode(key)
}

// keptKey is where the last key for the same agreements lies, of the same gateway and caller.
func (v leaseCmd) keptKey(g *grammar) (string, error) {
	beside, err := session.File()
	if err != nil {
		return "", err
	}
	signedIn, _ := os.ReadFile(beside) // nobody is where there is none
	said := []string{g.Server, g.Token, os.Getenv("GUICHET_TOKEN"), string(signedIn), v.Run_}
	sum := sha256.Sum256([]byte(strings.Join(slices.Concat(said, v.Agreements), "\x00")))
	return filepath.Join(filepath.Dir(beside), "s3-"+hex.EncodeToString(sum[:8])+".json"), nil
}

func keepKey(path string, key processKey) error {
	b, err := json.Marshal(key)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err != nil {
		return fmt.Errorf("keep the S3 key: %w", err)
	}
	f, err := files.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err != nil {
		return fmt.Errorf("keep the S3 key: %w", err)
	}
	return f.Keep()
}
