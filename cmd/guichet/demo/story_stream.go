package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/connectors/s3"
	"guichet/schemas"
)

// received is what ranks got of one epoch.
type received struct {
	rows, bytes int64
	took        time.Duration
}

// epoch streams every rank of a world at once and gives what they got.
func (s *Story) epoch(
	ctx context.Context, c *client.Client, id schemas.AgreementID, table, split string, world int, seed string,
) (received, error) {
	l, err := c.Lease(ctx, s.run, id)
	if err != nil {
		return received{}, err
	}
	var mu sync.Mutex
	var out received
	began := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	for rank := range world {
		g.Go(func() error {
			q := url.Values{"world": {strconv.Itoa(world)}, "rank": {strconv.Itoa(rank)}, "table": {table}, "split": {split}}
			if seed != "" {
				q.Set("seed", seed)
			}
			st, err := c.OpenStream(ctx, l.Token, id, q)
			if err != nil {
				return err
			}
			defer st.Close()
			n, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{st}, make([]byte, 1<<20))
			mu.Lock()
			defer mu.Unlock()
			out.rows, out.bytes = out.rows+st.Received(), out.bytes+n
			return err
		})
	}
	err = g.Wait()
	out.took = time.Since(began)
	return out, err
}

// Shown reads the manifest of an agreement; a row filter's index may still be made.
func (s *Story) Shown(ctx context.Context, c *client.Client, id schemas.AgreementID) (schemas.Manifest, error) {
	var m schemas.Manifest
	l, err := c.Lease(ctx, "", id)
	for err == nil {
		err = c.As(client.Static(l.Token)).Get(ctx, "/agreements/"+string(id)+"/manifest", &m)
		if schemas.KindOf(err) != schemas.Busy {
			break
		}
		time.Sleep(50 * time.Millisecond)
		err = ctx.Err()
	}
	return m, err
}

// streams every table in two ranks, and counts that each row came once.
func (s *Story) streams(ctx context.Context) error {
	c, err := s.As(ctx, "trainer")
	if err != nil {
		return err
	}
	m, err := s.Shown(ctx, c, s.open)
	if err != nil {
		return err
	}
	counts := map[string]int64{}
	var run schemas.Run
	err = c.Post(ctx, "/runs", map[string]string{"project": "crop-yield-2027", "external_id": "night-run"}, &run)
	if err != nil {
		return err
	}
	s.run = run.ID
	defer func() { s.run = "" }()
	for _, t := range m.Tables {
		got, err := s.epoch(ctx, c, s.open, t.Table, t.Split, 2, "42")
		if err != nil {
			return err
		}
		if got.rows != t.Rows {
			return fmt.Errorf("%s/%s: two ranks got %d rows of %d", t.Table, t.Split, got.rows, t.Rows)
		}
		s.say("   %s/%s: 2 ranks, seed 42: %s rows, %s in %s", t.Table, t.Split, terminal.Count(got.rows),
			terminal.Size(got.bytes), got.took.Round(time.Millisecond))
		counts[t.Table+"/"+t.Split] = got.rows
	}
	err = s.entered(ctx, c, counts)
	if err != nil {
		return err
	}
	return s.rate(ctx, c)
}

// entered ties to the run what came out of it: the counts of the rows.
func (s *Story) entered(ctx context.Context, c *client.Client, counts map[string]int64) error {
	b, err := json.Marshal(counts)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	out := schemas.Output{Kind: "metrics", Name: "rows of each table", Digest: "sha256:" + hex.EncodeToString(sum[:])}
	err = c.Post(ctx, "/runs/"+string(s.run)+"/outputs", out, nil)
	if err == nil {
		s.say("   their job is the run %s: guichet run show %s says what went in and came out", s.run, s.run)
	}
	return err
}

// flight streams the same ranks over Arrow Flight.
func (s *Story) flight(ctx context.Context, c *client.Client, m schemas.Manifest) error {
	l, err := c.Lease(ctx, "", s.big)
	if err != nil {
		return err
	}
	var all received
	began := time.Now()
	for all.bytes < 200e6 {
		for _, t := range m.Tables {
			var rows int64
			for rank := range 2 {
				q := url.Values{"world": {"2"}, "rank": {strconv.Itoa(rank)}, "seed": {"42"}, "table": {t.Table}, "split": {t.Split}}
				got, err := client.Flight(ctx, s.addresses.Flight, l.Token, s.big, q)
				if err != nil {
					return err
				}
				rows, all.bytes = rows+got.Rows, all.bytes+got.Bytes
			}
			if rows != t.Rows {
				return fmt.Errorf("%s/%s over Flight: two ranks got %d rows of %d", t.Table, t.Split, rows, t.Rows)
			}
			all.rows += rows
		}
	}
	rate := int64(float64(all.bytes) / time.Since(began).Seconds())
	s.say("   the same over Arrow Flight, rank by rank: %s rows, %s, %s/s", terminal.Count(all.rows),
		terminal.Size(all.bytes), terminal.Size(rate))
	s.figure("streamed over Flight", fmt.Sprintf("%s rows, %s, %s/s", terminal.Count(all.rows), terminal.Size(all.bytes), terminal.Size(rate)))
	return nil
}

// rate streams several epochs of the largest dataset and reads the same objects
// straight from S3, for the table at the end.
func (s *Story) rate(ctx context.Context, c *client.Client) error {
	m, err := s.Shown(ctx, c, s.big)
	if err != nil {
		return err
	}
	var all received
	epochs := 0
	for seed := 1; all.bytes < 200e6; seed++ {
		epochs++
		for _, t := range m.Tables {
			got, err := s.epoch(ctx, c, s.big, t.Table, t.Split, 2, strconv.Itoa(seed))
			if err != nil {
				return err
			}
			all.rows, all.bytes, all.took = all.rows+got.rows, all.bytes+got.bytes, all.took+got.took
		}
	}
	rate := float64(all.bytes) / all.took.Seconds()
	direct, err := s.direct(ctx)
	if err != nil {
		return err
	}
	s.say("   %s of the largest dataset, each by another seed: %s rows, %s, %s/s",
		terminal.Plural(epochs, "epoch", "epochs"), terminal.Count(all.rows), terminal.Size(all.bytes),
		terminal.Size(int64(rate)))
	s.figure(
		"streamed over HTTP",
		fmt.Sprintf(
			"%s rows, %s, %s/s = %.2f of reading S3 directly (%s/s), through a gateway that checks and records every batch",
			terminal.Count(all.rows), terminal.Size(all.bytes), terminal.Size(int64(rate)), rate/direct,
			terminal.Size(int64(direct))),
	)
	return s.flight(ctx, c, m)
}

// direct reads the same objects straight from S3, two at once, for comparison; it
// gives bytes per second.
func (s *Story) direct(ctx context.Context) (float64, error) {
	d := s.largest()
	provider, err := s.As(ctx, owner(&d))
	if err != nil {
		return 0, err
	}
	var v schemas.Version
	err = provider.Get(ctx, "/datasets/"+string(d.ID)+"/versions/"+string(d.Latest.Version)+"/manifest", &v)
	if err != nil {
		return 0, err
	}
	store, err := s3.New("local", s.rig.S3.Endpoint, s.rig.S3.Region,
		s3.Credentials{AccessKey: s.rig.S3.AccessKey, SecretKey: s.rig.S3.SecretKey})
	if err != nil {
		return 0, err
	}
	var mu sync.Mutex
	var n int64
	began := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2)
	for _, t := range v.Data {
		for _, sp := range t.Splits {
			for _, sh := range sp.Shards {
				g.Go(func() error {
					body, err := store.Open(ctx, sh.Bucket, sh.Key, sh.ETag, 0, -1)
					if err != nil {
						return err
					}
					defer body.Close()
					k, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{body}, make([]byte, 1<<20))
					mu.Lock()
					n += k
					mu.Unlock()
					return err
				})
			}
		}
	}
	err = g.Wait()
	return float64(n) / time.Since(began).Seconds(), err
}

// health streams data about persons, which only the secure factory gets, and looks that
// no value of a pseudonymised column came as it was.
func (s *Story) health(ctx context.Context) error {
	c, err := s.As(ctx, "researcher")
	if err != nil {
		return err
	}
	err = Once(
		c.Post(
			ctx,
			"/projects",
			schemas.Project{
				ID:       "sepsis-warning",
				Title:    "Early warning of sepsis",
				Factory:  "lumi",
				Purposes: []string{"train-model"},
				Domain:   "health",
			},
			nil,
		),
	)
	if err != nil {
		return err
	}
	icu := s.datasets["icu-vital-signs"]
	var r schemas.Request
	err = c.Post(ctx, "/requests", Requested("sepsis-warning", icu.ID), &r)
	if err != nil {
		return err
	}
	hospital, err := s.As(ctx, "hospital")
	if err == nil {
		err = hospital.Post(ctx, "/requests/"+string(r.ID)+"/review",
			map[string]string{"decision": "grant", "reason": "in the public interest"}, &r)
	}
	if err != nil {
		return err
	}
	id := r.Items[0].Agreement
	s.say("   granted after review:\n%s", indent(terminal.Decided(r.Items[0].Decision)))
	l, err := c.Lease(ctx, "", id)
	if err != nil {
		return err
	}
	var m schemas.Manifest
	err = c.As(client.Static(l.Token)).Get(ctx, "/agreements/"+string(id)+"/manifest", &m)
	if schemas.KindOf(err) != schemas.Denied {
		return fmt.Errorf("from outside the factory: want a refusal, got %v", err)
	}
	s.say("   from outside LUMI's network: %v", firstReason(err))
	job := c.Through(from("127.0.0.2"))
	m, err = s.Shown(ctx, job, id)
	if err != nil {
		return err
	}
	for _, t := range m.Tables {
		got, err := s.epoch(ctx, job, id, t.Table, t.Split, 2, "7")
		if err != nil {
			return err
		}
		if got.rows != t.Rows {
			return fmt.Errorf("%s/%s: two ranks got %d rows of %d", t.Table, t.Split, got.rows, t.Rows)
		}
		s.say("   from LUMI: %s/%s, %s rows, %s, persons pseudonymised", t.Table, t.Split, terminal.Count(got.rows), terminal.Size(got.bytes))
	}
	return nil
}

// firstReason is the sentence of a refusal.
func firstReason(err error) string {
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok {
		return err.Error()
	}
	if len(e.Reasons) > 0 {
		return e.Reasons[0].Text
	}
	return e.Message
}

// revoked revokes an agreement while a stream of it runs, and measures how long bytes
// still came.
func (s *Story) revoked(ctx context.Context) error {
	c, err := s.As(ctx, "trainer")
	if err != nil {
		return err
	}
	id := s.big
	m, err := s.Shown(ctx, c, id)
	if err != nil {
		return err
	}
	l, err := c.Lease(ctx, "", id)
	if err != nil {
		return err
	}
	big := m.Tables[0]
	for _, t := range m.Tables {
		if t.Rows > big.Rows {
			big = t
		}
	}
	st, err := c.Through(Narrow()).OpenStream(ctx, l.Token, id, url.Values{"table": {big.Table}, "split": {big.Split}})
	if err != nil {
		return err
	}
	defer st.Close()
	cut, halfway := make(chan error, 1), make(chan int64, 1)
	var died time.Time
	go func() {
		buf, slow := make([]byte, 4096), false
		for {
			_, err := st.Read(buf)
			if err != nil {
				died = time.Now()
				cut <- err
				return
			}
			if n := st.Received(); !slow && n >= big.Rows/3 {
				slow = true
				halfway <- n
			}
			if slow {
				time.Sleep(2 * time.Millisecond) // the stream is still under way when the word comes
			}
		}
	}()
	select {
	case n := <-halfway:
		s.say("   the job has read %s of %s rows when the provider revokes", terminal.Count(n), terminal.Count(big.Rows))
	case err := <-cut:
		return fmt.Errorf("the stream ended before anybody revoked: %w", err)
	}
	d := s.largest()
	provider, err := s.As(ctx, owner(&d))
	if err != nil {
		return err
	}
	err = provider.Post(ctx, "/agreements/"+string(id)+"/revoke", map[string]string{"reason": "the licence was given by mistake"}, nil)
	if err != nil {
		return err
	}
	acknowledged := time.Now()
	var seen error
	select {
	case seen = <-cut:
	case <-time.After(30 * time.Second):
		return errors.New("the stream goes on after the revocation")
	}
	if errors.Is(seen, io.EOF) {
		return errors.New("the cut stream looks whole")
	}
	released, err := s.cutAfter(ctx, c, id)
	if err != nil {
		return err
	}
	s.say(
		"   revocation to cut, by the record: %s; the slow client had read its buffers out %s after the acknowledgement: %s",
		released.Round(time.Millisecond), max(died.Sub(acknowledged), 0).Round(time.Millisecond), firstReason(seen))
	_, err = c.OpenStream(ctx, l.Token, id, url.Values{"table": {big.Table}, "split": {big.Split}})
	if schemas.KindOf(err) != schemas.Denied {
		return fmt.Errorf("a new stream: want a refusal, got %v", err)
	}
	s.say("   a new stream: %s", firstReason(err))
	s.figure("revoked", fmt.Sprintf("a running stream was cut %s later", released.Round(time.Millisecond)))
	return nil
}

// cutAfter is the time between an agreement's revocation and the end of its stream,
// both by the gateway's own clock.
func (s *Story) cutAfter(ctx context.Context, c *client.Client, id schemas.AgreementID) (time.Duration, error) {
	var a schemas.Agreement
	err := c.Get(ctx, "/agreements/"+string(id), &a)
	if err != nil {
		return 0, err
	}
	all, err := client.All[schemas.Release](ctx, c, "/streams?state=all&agreement="+string(id))
	if err != nil {
		return 0, err
	}
	for _, r := range all {
		if r.State == schemas.ReleaseCut {
			took := r.Ended.Sub(a.Revoked)
			if took > time.Second {
				return took, fmt.Errorf("the stream was cut only %s after the revocation", took)
			}
			return took, nil
		}
	}
	return 0, errors.New("no stream of the agreement is recorded as cut")
}

// largest finds the largest of the made datasets that are granted by rule.
func (s *Story) largest() schemas.Dataset {
	var best schemas.Dataset
	for _, d := range s.datasets {
		open := d.Offer.Template == "open-with-attribution" || d.Offer.Template == "research-and-development"
		if open && d.Space != "health" && d.Latest != nil && (best.Latest == nil || d.Latest.Bytes > best.Latest.Bytes) {
			best = d
		}
	}
	return best
}

// owner is the persona that provides a dataset.
func owner(d *schemas.Dataset) string {
	return strings.TrimSuffix(strings.TrimPrefix(string(d.Provider), "https://"), ".example")
}
