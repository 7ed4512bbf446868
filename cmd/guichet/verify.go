package main

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"guichet/cmd/guichet/files"
	"guichet/cmd/guichet/record"
	"guichet/cmd/guichet/terminal"
	"guichet/policy/audit"
	"guichet/schemas"
)

// auditVerifyCmd verifies without believing whoever made the record.
type auditVerifyCmd struct {
	Bundle  string   `arg:"" optional:"" help:"Exported bundle; the gateway's record when left out." type:"existingfile"`
	Key     string   `help:"File with the log's public key; asked of the gateway when left out (then it proves only that the gateway agrees with itself)." type:"existingfile" placeholder:"FILE"`
	Against []string `help:"Checkpoints or bundles that were kept: the record must begin with each of them, or it was rolled back." type:"existingfile" placeholder:"FILE"`
}

// Run verifies; a fault gives status 1.
func (v auditVerifyCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	key := ""
	if v.Key != "" {
		k, err := files.Text(v.Key)
		if err != nil {
			return err
		}
		key = k
	}
	r, err := v.report(ctx, g, key)
	if err != nil {
		return err
	}
	if t.JSON {
		err = t.Print(r)
	} else if r.OK() {
		printVerified(t, &r, v.Bundle == "" && v.Key == "", len(v.Against))
	}
	if err == nil && !r.OK() {
		e := &schemas.Error{
			Kind:    schemas.Conflict,
			Subject: "record",
			Message: "the record was altered",
			Remedy:  "keep the gateway's machine as it is and tell the officer",
		}
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

// printVerified says what a verification without a fault has shown, and no more.
func printVerified(t *terminal.Terminal, r *audit.Report, borrowedKey bool, against int) {
	switch {
	case r.Records == 0:
		fmt.Fprintf(t.Out, "no record is in it, so it shows nothing but that a record of %s was signed, root %s\n",
			terminal.Count(r.Size), r.Root)
	case r.Records == r.Size:
		fmt.Fprintf(t.Out, "the record is whole: all %s records are unaltered, root %s\n", terminal.Count(r.Size), r.Root)
	default:
		fmt.Fprintf(t.Out,
			"%s in the record of %s, unaltered, root %s\nwhether more records belong to them, only a verification of the whole record tells\n",
			terminal.Plural(r.Records, "record stands", "records stand"), terminal.Count(r.Size), r.Root)
	}
	if r.Erased > 0 {
		fmt.Fprintf(t.Out, "%s since, each with an entry that says who and why; the records stand\n",
			terminal.Plural(r.Erased, "value was erased", "values were erased"))
	}
	if r.For != "" {
		fmt.Fprintf(t.Out, "it is as the log exported it for %s\n", map[bool]string{true: "an officer", false: r.For}[r.For == audit.AnOfficer])
	}
	if r.Withheld > 0 {
		fmt.Fprintf(t.Out, "%s withheld from %s: who acted for other organisations\n",
			terminal.Plural(r.Withheld, "value is", "values are"), r.For)
	}
	if r.Nouns > 0 {
		fmt.Fprintf(t.Out, "%s stored as recorded: agreements, leases, terms, members and what else rules\n",
			terminal.Plural(r.Nouns-r.Unbound, "noun is", "nouns are"))
	}
	if r.Unbound > 0 {
		fmt.Fprintf(t.Out, "%s of an earlier version of the gateway, which no record binds: they cannot be held against it\n",
			terminal.Plural(r.Unbound, "noun is", "nouns are"))
	}
	if against > 0 {
		fmt.Fprintf(t.Out, "it begins with %s that you gave\n", map[bool]string{true: "the head", false: "each of the heads"}[against == 1])
	}
	if borrowedKey {
		fmt.Fprintln(t.Out,
			"the gateway gave the key itself, so this proves only that it agrees with itself: give the key that you were sent (--key FILE)")
	}
}

// report verifies a bundle, or the whole record of the gateway.
func (v auditVerifyCmd) report(ctx context.Context, g *grammar, key string) (audit.Report, error) {
	saved, err := v.saved()
	if err != nil {
		return audit.Report{}, err
	}
	if v.Bundle != "" {
		if key == "" {
			return audit.Report{}, schemas.BadField("verify", "--key", "a bundle is verified with the log's public key: --key FILE")
		}
		b, size, err := openFile(v.Bundle)
		if err != nil {
			return audit.Report{}, err
		}
		defer b.Close()
		return audit.VerifyBundle(b, size, key, saved...)
	}
	c, err := g.client(ctx)
	if err != nil {
		return audit.Report{}, err
	}
	return record.Verify(ctx, c, key, saved)
}

// saved reads the heads that were kept: checkpoints as they are, or those of bundles.
func (v auditVerifyCmd) saved() ([][]byte, error) {
	var out [][]byte
	for _, path := range v.Against {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, schemas.Errorf(schemas.Invalid, path, "the file %s cannot be read: %w", path, err)
		}
		if bytes.HasPrefix(b, []byte("PK")) {
			b, err = audit.BundleCheckpoint(bytes.NewReader(b), int64(len(b)))
		}
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// openFile opens a file with its size.
func openFile(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, schemas.Errorf(schemas.Invalid, path, "the file %s cannot be read: %w", path, err)
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("read %s: %w", path, err)
	}
	return f, st.Size(), nil
}
