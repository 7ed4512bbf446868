package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"

	"guichet/cmd/guichet/args"
	"guichet/cmd/guichet/files"
	"guichet/cmd/guichet/session"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/connectors/direct"
	"guichet/schemas"
)

// leaseCmd gets the key to byte doors, printed alone so that a shell can take it.
type leaseCmd struct {
	Agreements []string `arg:"" help:"Ids of agreements of one project."`
	Run_       string   `name:"run" help:"Id of the run." placeholder:"ID"`
	AWS        bool     `name:"aws" help:"Print its S3 key as a credential_process of AWS's tools does; the same one until a third of its time is left."`
}

// Run gets a lease and prints its token.
func (v leaseCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	if v.AWS {
		key, err := session.KeptAWSKey(append([]string{g.Server, g.Token, g.JobKey, v.Run_}, v.Agreements...),
			func() (session.AWSKey, error) { return v.awsKey(ctx, g) })
		if err != nil {
			return err
		}
		return json.NewEncoder(t.Out).Encode(key)
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

// awsKey is the S3 key of a new lease.
func (v leaseCmd) awsKey(ctx context.Context, g *grammar) (session.AWSKey, error) {
	l, err := v.lease(ctx, g)
	if err == nil && l.S3 == nil {
		err = &schemas.Error{
			Kind: schemas.Unavailable, Subject: "s3", Message: "the gateway has no S3 face",
			Remedy: "the operator gives it one: s3_listen in its settings",
		}
	}
	if err != nil {
		return session.AWSKey{}, err
	}
	return session.AWSKey{Version: 1, AccessKeyID: l.S3.AccessKeyID, SecretAccessKey: l.S3.SecretAccessKey, Expiration: l.Until}, nil
}

// streamCmd streams one rank's part; it resumes where --from says.
type streamCmd struct {
	Agreement string        `arg:"" help:"Id of the agreement."`
	Table     string        `help:"Table; may be left out where there is one." placeholder:"NAME"`
	Split     string        `help:"Split; may be left out where there is one." placeholder:"NAME"`
	World     int           `help:"Ranks of the job." default:"1" env:"SLURM_NTASKS"`
	Rank      int           `help:"This rank." default:"0" env:"SLURM_PROCID"`
	Seed      string        `help:"Rows in an order of its own: windows of rows, and the rows of each, permuted. Stored order when left out." placeholder:"N"`
	Shuffle   string        `help:"rows, or windows: only their order changes." enum:",rows,windows" default:"" placeholder:"WHAT"`
	Order     string        `help:"1 or 2: the order under which the epoch began, said when it goes on." enum:",1,2" default:"" placeholder:"N"`
	Epoch     string        `help:"Another order by the same seed." placeholder:"N"`
	From      int64         `help:"Leave out this many rows of the rank's part." placeholder:"N"`
	Rows      int64         `help:"At most this many rows: of the start of a table, to look at it." placeholder:"N"`
	Start     string        `help:"Earlier worlds: rows@world[,…]." placeholder:"K@W"`
	Even      string        `help:"drop or pad: every rank gets equally many rows." enum:",drop,pad" default:"" placeholder:"HOW"`
	Columns   args.Some     `help:"Only these columns, separated by commas." placeholder:"NAMES"`
	RunID     string        `name:"run" help:"Id of the run." placeholder:"ID"`
	Direct    bool          `help:"Read ranges straight from S3 where the site and the agreement give URLs; else the stream, saying why."`
	Wait      time.Duration `help:"Wait at most this long while the gateway is not ready yet." default:"10m"`
	Out       string        `help:"File for the IPC stream; stdout when left out." type:"path" placeholder:"FILE"`
}

// Run streams one rank's part; after a cut it says how to go on.
func (v streamCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	if f, is := t.Out.(*os.File); is && v.Out == "" && term.IsTerminal(int(f.Fd())) {
		return schemas.BadField("stream", "--out", "a stream is not text for a terminal: write it to a file with --out FILE, or into a pipe")
	}
	q := url.Values{}
	for k, s := range map[string]string{"table": v.Table, "split": v.Split, "world": strconv.Itoa(v.World), "rank": strconv.Itoa(v.Rank),
		"seed": v.Seed, "shuffle": v.Shuffle, "order": v.Order,
		"epoch": v.Epoch, "start": v.Start, "even": v.Even, "columns": string(v.Columns)} {
		if s != "" {
			q.Set(k, s)
		}
	}
	switch {
	case v.From < 0:
		return schemas.BadField("stream", "--from", "rows are left out from 0 on")
	case v.Rows < 0:
		return schemas.BadField("stream", "--rows", "at least one row comes, or all where this is left out")
	}
	for k, n := range map[string]int64{"from": v.From, "rows": v.Rows} {
		if n > 0 {
			q.Set(k, strconv.FormatInt(n, 10))
		}
	}
	s, err := v.open(ctx, t, c, q)
	if err != nil {
		return err
	}
	defer s.Close()
	if v.Seed != "" && strings.Contains(s.Order, ": stored") && !t.JSON {
		fmt.Fprintf(t.Err, "note: the order is %s\n", s.Order)
	}
	began := time.Now()
	if v.Out == "" {
		_, err = s.Copy(t, t.Out)
		return ended(ctx, c, schemas.AgreementID(v.Agreement), err)
	}
	f, err := files.Create(v.Out)
	if err != nil {
		return err
	}
	n, err := s.Copy(t, f)
	if err != nil {
		return f.KeepCut(s.Received(), ended(ctx, c, schemas.AgreementID(v.Agreement), err))
	}
	err = f.Keep()
	if err != nil {
		return err
	}
	took := time.Since(began)
	if t.JSON {
		return t.Print(map[string]any{"release": s.Release, "rows": s.Received(), "bytes": n, "seconds": took.Seconds()})
	}
	fmt.Fprintf(t.Out, "%s, %s in %s (%s/s), release %s\n", terminal.Plural(s.Received(), "row", "rows"), terminal.Size(n),
		took.Round(time.Millisecond), terminal.Size(int64(float64(n)/took.Seconds())), s.Release)
	return nil
}

// ended says of a stream that was cut why: when its agreement stands no more, that it does
// not, and by whose word.
func ended(ctx context.Context, c *client.Client, id schemas.AgreementID, err error) error {
	if schemas.KindOf(err) != schemas.Gone {
		return err
	}
	var a schemas.Agreement
	if c.Get(ctx, "/agreements/"+string(id), &a) != nil || a.State == schemas.AgreementActive {
		return err
	}
	told := &schemas.Error{
		Kind:    schemas.Denied,
		Subject: string(id),
		Message: fmt.Sprintf("the stream was cut: the agreement has %s", a.State),
		Remedy:  "ask anew: guichet request",
		Err:     err,
	}
	if a.State == schemas.AgreementRevoked {
		told.Message = fmt.Sprintf("the stream was cut: the agreement was revoked on %s: %s", terminal.When(a.Revoked), a.Reason)
	}
	return told
}

// open opens the stream. While the gateway says that it is not ready yet (it first
// counts the rows that the agreement shows, or has no room), it waits and asks again.
func (v streamCmd) open(ctx context.Context, t *terminal.Terminal, c *client.Client, q url.Values) (*files.Rows, error) {
	if v.Direct {
		s, err := direct.Open(ctx, c, c.Renewing(schemas.RunID(v.RunID), schemas.AgreementID(v.Agreement)), schemas.AgreementID(v.Agreement), q)
		if err == nil {
			return &files.Rows{Reader: s, Total: s.Rows, Release: s.Release() + ", by URL"}, nil
		}
		said := err.Error()
		if e, ok := errors.AsType[*schemas.Error](err); ok {
			said = strings.TrimSuffix(e.Message+"; "+e.Remedy, "; ")
		}
		fmt.Fprintf(t.Err, "note: not by URL, by the stream: %s\n", said)
	}
	l, err := c.Lease(ctx, schemas.RunID(v.RunID), schemas.AgreementID(v.Agreement))
	if err != nil {
		return nil, err
	}
	late := time.Now().Add(v.Wait)
	bar := terminal.NewProgress(t, "waiting")
	defer bar.Done()
	for {
		s, err := c.OpenStream(ctx, l.Token, schemas.AgreementID(v.Agreement), q)
		if err == nil {
			return &files.Rows{Reader: s, Total: s.Rows, Release: s.Release, Order: s.Order}, nil
		}
		if schemas.KindOf(err) != schemas.Busy || time.Now().After(late) {
			return nil, err
		}
		bar.Waiting(err)
		again := time.NewTimer(time.Second) // what Retry-After says
		select {
		case <-ctx.Done():
			again.Stop()
			return nil, ctx.Err()
		case <-again.C:
		}
	}
}

// streamsCmd lists releases: what flows, and what flowed with how it ended.
type streamsCmd struct {
	State     string `help:"open, complete, cut, broken, abandoned, unknown, by-url or all." default:"open"`
	Agreement string `help:"Only of this agreement." placeholder:"ID"`
}

// Run lists streams.
func (v streamsCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	r, err := client.All[schemas.Release](ctx, c, "/streams"+client.Query("state", v.State, "agreement", v.Agreement))
	if err != nil {
		return err
	}
	slices.SortFunc(r, func(a, b schemas.Release) int { return a.Begun.Compare(b.Begun) })
	return terminal.ListOr(
		t, r, "no stream matches", "ID\tSTATE\tAGREEMENT\tPARTICIPANT\tDOOR\tROWS\tBYTES\tBEGUN\tCAUSE",
		func(r schemas.Release) []string {
			rows, bytes := terminal.Count(r.Rows), terminal.Size(r.Bytes)
			if r.AtMost() {
				rows, bytes = "at most "+rows, "at most "+bytes
			}
			return []string{
				string(r.ID), string(r.State), string(r.Agreement), string(r.Participant), r.Door, rows, bytes,
				terminal.When(r.Begun), r.Cause,
			}
		},
	)
}
