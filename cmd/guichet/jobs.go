package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"guichet/cmd/guichet/args"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/schemas"
)

// jobKeyCmd makes a job key, whose private half never leaves this machine, or lists them.
type jobKeyCmd struct {
	Agreements []string  `arg:"" optional:"" help:"Ids of agreements of one project; none to list the keys of my projects."`
	For        args.Span `help:"How long: queue and walltime together, like 10d; two weeks when left out." placeholder:"TIME"`
	RunID      string    `name:"run" help:"Id of the only run that it is for." placeholder:"ID"`
	Name       string    `help:"What to call it." placeholder:"TEXT"`
	Out        string    `help:"File for the private half, which only its owner may read." type:"path" default:"guichet.key" placeholder:"FILE"`
}

// Run makes a key pair, registers its public half and keeps the private one.
func (v jobKeyCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.person(ctx)
	if err != nil {
		return err
	}
	if len(v.Agreements) == 0 {
		return listJobKeys(ctx, t, c)
	}
	f, err := os.OpenFile(v.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return &schemas.Error{Kind: schemas.Invalid, Subject: v.Out, Message: fmt.Sprintf("the key cannot be kept: %v", err),
			Remedy: "name another file: --out FILE", Err: err}
	}
	l, err := v.register(ctx, c, f)
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(v.Out))
	}
	if t.JSON {
		return t.Print(map[string]any{"file": v.Out, "job_key": l})
	}
	fmt.Fprintf(t.Out, "%s, good until %s for leases alone; its private half is in %s\n", l.ID, terminal.When(l.Until), v.Out)
	fmt.Fprintf(t.Out, "in the job: export GUICHET_JOB_KEY=%s\nto end it:  guichet revoke %s --reason …\n", absolute(v.Out), l.ID)
	if asked := time.Now().Add(time.Duration(v.For)); v.For > 0 && l.Until.Before(asked.Add(-time.Minute)) {
		fmt.Fprintf(t.Err, "note: it ends with the first of its agreements, before the %s that you asked for\n", time.Duration(v.For))
	}
	return nil
}

func absolute(path string) string {
	full, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return full
}

// register makes the pair and writes the private half, whose file is closed. A key of which the
// file could not be written is revoked.
func (v jobKeyCmd) register(ctx context.Context, c *client.Client, f *os.File) (schemas.Lease, error) {
	var l schemas.Lease
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return l, fmt.Errorf("make a key: %w", err)
	}
	ask := schemas.JobKeyAsk{PublicKey: public, Name: v.Name, Run: schemas.RunID(v.RunID)}
	k := client.JobKey{Server: c.Address(), Private: private}
	for _, id := range v.Agreements {
		ask.Items = append(ask.Items, schemas.LeaseItem{Agreement: schemas.AgreementID(id)})
		k.Agreements = append(k.Agreements, schemas.AgreementID(id))
	}
	if v.For > 0 {
		ask.Until = time.Now().Add(time.Duration(v.For))
	}
	err = c.Post(ctx, "/job-keys", ask, &l)
	if err != nil {
		return l, err
	}
	k.ID, k.Until = l.ID, l.Until
	text, err := k.File()
	if err == nil {
		_, err = f.Write(text)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		late := c.Post(ctx, "/leases/"+string(l.ID)+"/revoke", map[string]string{"reason": "its private half could not be kept"}, nil)
		return l, errors.Join(schemas.Errorf(schemas.Unavailable, v.Out, "the key cannot be kept: %w", err), late)
	}
	return l, nil
}

// listJobKeys lists the keys of my projects.
func listJobKeys(ctx context.Context, t *terminal.Terminal, c *client.Client) error {
	keys, err := client.All[schemas.Lease](ctx, c, "/job-keys")
	if err != nil {
		return err
	}
	return terminal.ListOr(t, keys, "no job key", "KEY\tNAME\tPROJECT\tAGREEMENTS\tUNTIL", func(l schemas.Lease) []string {
		state := terminal.When(l.Until)
		if !l.Revoked.IsZero() {
			state = "revoked: " + l.Reason
		}
		ids := make([]string, len(l.Items))
		for i, it := range l.Items {
			ids[i] = string(it.Agreement)
		}
		return []string{string(l.ID), l.Name, string(l.Project), strings.Join(ids, " "), state}
	})
}

// checkCmd looks whether a job will have its data until it ends.
type checkCmd struct {
	Agreements []string  `arg:"" optional:"" help:"Ids of agreements; those of the job key when left out."`
	Time       args.Span `required:"" help:"How long from now: queue and walltime together, like 72h, 3d or 3-00:00:00." placeholder:"TIME"`
	Epochs     int       `help:"How often the job reads all rows." default:"1"`
}

// checked is what check found of one thing that a job needs.
type checked struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Says string `json:"says"`
}

// Run tells everything that will not last, and fails where something does not.
func (v checkCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	if v.Epochs < 1 || v.Epochs > 1_000_000 {
		return schemas.BadField("check", "--epochs", "give 1 to 1,000,000 epochs")
	}
	need := time.Now().Add(time.Duration(v.Time))
	var found []checked
	tell := func(what string, ok bool, format string, args ...any) {
		found = append(found, checked{what, ok, fmt.Sprintf(format, args...)})
	}
	leases, err := g.client(ctx)
	if err != nil {
		return err
	}
	person := leases // who signs with a key reads no budget; that is told, and keeps nothing else from being looked at
	if g.JobKey != "" {
		_, k, err := g.job()
		if err != nil {
			return err
		}
		if len(v.Agreements) == 0 {
			for _, id := range k.Agreements {
				v.Agreements = append(v.Agreements, string(id))
			}
		}
		_, err = leases.Lease(ctx, "", k.Agreements[0])
		if ended, is := errors.AsType[*schemas.Error](err); is && (ended.Subject == string(k.ID) || ended.Subject == "job key") {
			tell(string(k.ID), false, "%s", ended.Message)
		} else {
			tell(string(k.ID), !k.Until.Before(need), "%s", lasts(k.Until, need))
		}
		signedIn, err := g.person(ctx)
		if err == nil {
			person = signedIn
		}
	} else {
		tell("your token", false, "somebody has to be signed in whenever a lease of 15 minutes ends: make a job key (guichet job-key)")
	}
	if len(v.Agreements) == 0 {
		return schemas.BadField("check", "agreement", "name the agreements, or a job key (--job-key FILE or GUICHET_JOB_KEY)")
	}
	for _, id := range v.Agreements {
		err := v.agreement(ctx, leases, person, schemas.AgreementID(id), need, tell)
		if err != nil {
			return err
		}
	}
	err = terminal.ListOr(t, found, "", "WHAT\tHOLDS\tBECAUSE", func(c checked) []string { return []string{c.What, yes(c.OK), c.Says} })
	if err == nil && slices.ContainsFunc(found, func(c checked) bool { return !c.OK }) {
		return schemas.Errorf(schemas.Denied, "job", "the job will not have its data until %s", terminal.When(need))
	}
	return err
}

func yes(ok bool) string {
	if ok {
		return "yes"
	}
	return "NO"
}

// lasts says when something ends, and by how much that is too early.
func lasts(until, need time.Time) string {
	if until.Before(need) {
		return fmt.Sprintf("ends on %s, %s too early", terminal.When(until), need.Sub(until).Round(time.Minute))
	}
	return "until " + terminal.When(until)
}

// agreement looks at one agreement: it is leased as the job will lease it, its rows are
// counted, and where somebody is signed in its budget is held against them.
func (v checkCmd) agreement(
	ctx context.Context, leases, person *client.Client, id schemas.AgreementID, need time.Time,
	tell func(what string, ok bool, format string, args ...any),
) error {
	l, err := leases.Lease(ctx, "", id)
	if refused, is := errors.AsType[*schemas.Error](err); is && refused.Kind != schemas.Unavailable {
		tell(string(id), false, "%s", strings.TrimSpace(refused.Message))
		return nil
	}
	if err != nil {
		return err
	}
	ends := l.EndsAt
	var a schemas.Agreement
	known := person.Get(ctx, "/agreements/"+string(id), &a) == nil // else nobody is signed in here: its end is the lease's word
	if known {
		ends = a.Until
	}
	tell(string(id), !ends.Before(need), "%s", lasts(ends, need))
	var m schemas.Manifest
	data := leases.As(client.Static(l.Token))
	err = data.Get(ctx, "/agreements/"+string(id)+"/manifest", &m)
	if err != nil {
		return err
	}
	bounded := known && a.Left != nil && a.Left.Bytes != nil
	var rows, size int64
	for _, table := range m.Tables {
		rows += table.Rows
		for i := range table.Shards {
			f := client.File{Table: table.Table, Split: table.Split, Name: fmt.Sprint(i, ".arrow"), Version: m.Version}
			if !bounded {
				break
			}
			err = data.Stat(ctx, id, &f)
			if err != nil {
				return err
			}
			size += f.Size
		}
	}
	rows, size = rows*int64(v.Epochs), size*int64(v.Epochs)
	if bounded {
		left := *a.Left.Bytes
		tell("bytes of "+string(id), left >= size, "the job reads about %s, and %s are left", terminal.Size(size), terminal.Size(left))
	}
	what := "rows of " + string(id)
	switch {
	case !known:
		tell(what, true, "the job reads %s; sign in to have its budget looked at", terminal.Plural(rows, "row", "rows"))
	case a.Left == nil || a.Left.Rows == nil:
		tell(what, true, "the job reads %s, and nothing limits them", terminal.Plural(rows, "row", "rows"))
	default:
		tell(what, *a.Left.Rows >= rows, "the job reads %s, and %s are left", terminal.Plural(rows, "row", "rows"), terminal.Count(*a.Left.Rows))
	}
	return nil
}
