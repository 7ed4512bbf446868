package main

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"os"
	"strings"

	"guichet/connectors/guichet"
	"guichet/policy/audit"
	"guichet/schemas"
)

type auditVerifyCmd struct {
	Bundle string `arg:"" optional:"" help:"Exported bundle; the gateway's record when left out." type:"existingfile"`
	Key    string `help:"File with the log's public key; asked of the gateway when left out (then it proves only that the gateway agrees with itself)." type:"existingfile" placeholder:"FILE"`
}

// Run verifies; a fault gives status 1.
func (v auditVerifyCmd) Run(ctx context.Context, t *terminal, g *grammar) error {
	key := ""
	if v.Key != "" {
		k, err := secret(v.Key)
		if err != nil {
			return err
		}
		key = k
	}
	r, err := v.report(ctx, g, key)
	if err != nil {
		return err
	}
	if t.json {
		err = t.print(r)
	} else if r.OK() {
		t.verified(&r, v.Bundle == "" && v.Key == "")
	}
	if err == nil && !r.OK() {
		e := &schemas.Error{Kind: schemas.Conflict, Subject: "record", Message: "the record was altered", Remedy: "keep the gateway's machine as it is and tell the officer"}
		if v.Bundle != "" {
			e.Message, e.Remedy = "the bundle holds what was not recorded so: it or the record was altered", "keep the bundle and tell the officer"
		}
		if r.FirstBad >= 0 {
			e.Message += fmt.Sprintf("; the first bad entry is %d", r.FirstBad)
		}
		for _, f := range r.Faults {
			e.Fields = append(e.Fields, schemas.FieldError{Pointer: "record", Message: f})
		}
		return e
	}
	return err
}

// verified says what a verification without a fault has shown, and no more.
func (t *terminal) verified(r *audit.Report, borrowedKey bool) {
	if r.Records == r.Size {
		fmt.Fprintf(t.out, "the record is whole: all %s records are unaltered, root %s\n", count(r.Size), r.Root)
	} else {
		fmt.Fprintf(t.out, "%s in the record of %s, unaltered, root %s\nwhether more records belong to them, only a verification of the whole record tells\n", plural(r.Records, "record stands", "records stand"), count(r.Size), r.Root)
	}
	if r.Erased > 0 {
		fmt.Fprintf(t.out, "%s since, as the law may demand; the records stand\n", plural(r.Erased, "value was erased", "values were erased"))
	}
	if borrowedKey {
		fmt.Fprintln(t.out, "the gateway gave the key itself, so this proves only that it agrees with itself: give the key that you were sent (--key FILE)")
	}
}

func (v auditVerifyCmd) report(ctx context.Context, g *grammar, key string) (audit.Report, error) {
	if v.Bundle != "" {
		if key == "" {
			return audit.Report{}, schemas.BadField("verify", "--key", "a bundle is verified with the log's public key: --key FILE")
		}
		f, err := os.Open(v.Bundle)
		if err != nil {
			return audit.Report{}, schemas.Errorf(schemas.Invalid, v.Bundle, "the bundle cannot be read: %w", err)
		}
		defer f.Close()
		st, err := f.Stat()
		if err != nil {
			return audit.Report{}, fmt.Errorf("read the bundle: %w", err)
		}
		return audit.VerifyBundle(f, st.Size(), key)
	}
	c, err := g.client(ctx)
	if err != nil {
		return audit.Report{}, err
	}
	return verifyOnline(ctx, c, key)
}

// verifyOnline reads every record and recomputes the tree here, so that the gateway
// need not be believed. Only who may read every record can; Denied for others, whose
// part of the record would otherwise look like a record with holes.
func verifyOnline(ctx context.Context, c *guichet.Client, key string) (audit.Report, error) {
	if key == "" {
		var b []byte
		err := c.Get(ctx, "/audit/key", &b)
		if err != nil {
			return audit.Report{}, err
		}
		key = strings.TrimSpace(string(b))
	}
	var checkpoint []byte
	err := c.Get(ctx, "/audit/checkpoint", &checkpoint)
	if err != nil {
		return audit.Report{}, err
	}
	return audit.VerifyRecords(pages(ctx, c), checkpoint, key)
}

func pages(ctx context.Context, c *guichet.Client) iter.Seq2[schemas.Record, error] {
	return func(yield func(schemas.Record, error) bool) {
		for next := ""; ; {
			var p guichet.Page[schemas.Record]
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
