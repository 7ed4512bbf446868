// Package notice tells organisations what waits for them and what was decided: an outbox in
// the database, so that nothing is lost by a crash, and nobody waits for a mail server.
//
// In: notices, written in the transaction of what they are about. Out: each handed to a
// sender until it takes it, or until GiveUp is over. What always holds: a notice is sent
// at least once, by one replica at a time; where an organisation is told is looked up when
// it is told, so that a changed address counts at once. It must not know how a request is
// decided.
package notice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"guichet/connectors/db"
	"guichet/schemas"
)

// GiveUp is how often a notice is tried: the last time some three days after the first.
const GiveUp = 14

// Sender hands a notice to an organisation: to a URL, or to an address of mail.
type Sender func(ctx context.Context, to schemas.Notify, n schemas.Notice) error

// ErrGone says that the recipient wants no more of them: the notice is dropped.
var ErrGone = errors.New("the recipient is gone")

// Put writes a notice for each way by which its recipient is told, in the transaction of
// what it is about. An organisation that named no way is told nothing.
func Put(ctx context.Context, tx *db.Tx, n schemas.Notice) error {
	p, _, err := db.Get[schemas.Participant](ctx, tx, "participant", string(n.To))
	if schemas.KindOf(err) == schemas.NotFound || errors.Is(err, db.ErrAltered) || err == nil && p.Notify == nil {
		return nil // an edited row names no way: it is logged where it is read
	}
	if err != nil {
		return err
	}
	for by, address := range map[string]string{schemas.ByWebhook: p.Notify.URL, schemas.ByMail: p.Notify.Mail} {
		if address == "" {
			continue
		}
		n.ID, n.By = schemas.NewNoticeID(), by
		b, err := json.Marshal(n)
		if err != nil {
			return fmt.Errorf("write a notice: %w", err)
		}
		_, err = tx.Exec(ctx, `INSERT INTO notice (id, due, tries, doc) VALUES (?, ?, 0, ?)`, n.ID, n.At.UnixMicro(), string(b))
		if err != nil {
			return fmt.Errorf("keep a notice: %w", err)
		}
	}
	return nil
}

// Outbox sends what Put wrote.
type Outbox struct {
	DB      *db.DB
	Log     *slog.Logger
	Now     func() time.Time
	Senders map[string]Sender // by way; a way without one keeps its notices until GiveUp
}

// pause is how long it waits after the n-th try: half a minute, doubling, at most 12 hours.
func pause(n int64) time.Duration {
	return min(30*time.Second<<min(n, 20), 12*time.Hour)
}

// Run sends until ctx ends, looking every two seconds for what is due.
func (o *Outbox) Run(ctx context.Context) error {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		_, err := o.Send(ctx)
		if err != nil && ctx.Err() == nil {
			o.Log.Warn("the notices cannot be read; they are tried again", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// atOnce is how many recipients are told at the same time.
const atOnce = 8

// Send tries the notices that are due and says how many were sent. A recipient that does not
// take one is not asked again at once: its other notices wait half a minute, and nobody
// else waits for it.
func (o *Outbox) Send(ctx context.Context) (sent int, err error) {
	for {
		due, err := o.due(ctx)
		if err != nil || len(due) == 0 {
			return sent, err
		}
		recipients := map[[2]string][]waiting{}
		for _, w := range due {
			key := [2]string{string(w.notice.To), w.notice.By}
			recipients[key] = append(recipients[key], w)
		}
		var n atomic.Int64
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(atOnce)
		for _, list := range recipients {
			group.Go(func() error { return o.tell(ctx, list, &n) })
		}
		err = group.Wait()
		sent += int(n.Load())
		if err != nil {
			return sent, err
		}
	}
}

// tell sends one recipient's notices, in their order, up to the first that it does not take.
func (o *Outbox) tell(ctx context.Context, list []waiting, sent *atomic.Int64) error {
	for i, w := range list {
		ok, err := o.try(ctx, w)
		if err != nil {
			return err
		}
		if ok {
			sent.Add(1)
			continue
		}
		return o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			for _, rest := range list[i+1:] {
				_, err := tx.Exec(ctx, `UPDATE notice SET due = ? WHERE id = ? AND due = ?`, o.Now().Add(pause(0)).UnixMicro(), rest.id, rest.due)
				if err != nil {
					return fmt.Errorf("put a notice off: %w", err)
				}
			}
			return nil
		})
	}
	return nil
}

// waiting is a notice that is due, with how often it was tried.
type waiting struct {
	id         string
	due, tries int64
	notice     schemas.Notice
}

// due reads the notices whose time has come, the oldest first.
func (o *Outbox) due(ctx context.Context) ([]waiting, error) {
	rows, err := o.DB.Query(ctx, `SELECT id, due, tries, doc FROM notice WHERE due <= ? ORDER BY due LIMIT 50`, o.Now().UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("read the notices: %w", err)
	}
	defer rows.Close()
	var out []waiting
	for rows.Next() {
		var w waiting
		var doc string
		err := rows.Scan(&w.id, &w.due, &w.tries, &doc)
		if err == nil {
			err = json.Unmarshal([]byte(doc), &w.notice)
		}
		if err != nil {
			return nil, fmt.Errorf("read the notices: %w", err)
		}
		out = append(out, w)
	}
	return out, rows.Err()
}

// try claims a notice, so that no other replica sends it at the same time, and sends it.
func (o *Outbox) try(ctx context.Context, w waiting) (sent bool, err error) {
	mine := false
	var to *schemas.Notify
	err = o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := tx.Exec(
			ctx,
			`UPDATE notice SET due = ?, tries = tries + 1 WHERE id = ? AND due = ?`,
			o.Now().Add(pause(w.tries)).UnixMicro(), w.id, w.due,
		)
		if err != nil {
			return fmt.Errorf("claim a notice: %w", err)
		}
		n, err := r.RowsAffected()
		mine = n == 1
		if err != nil || !mine {
			return err
		}
		p, _, err := db.Get[schemas.Participant](ctx, tx, "participant", string(w.notice.To))
		switch {
		case err == nil:
			to = p.Notify
		case errors.Is(err, db.ErrAltered): // not by a row that was edited; again when it is put back
			mine, err = false, nil
		case schemas.KindOf(err) == schemas.NotFound:
			err = nil
		}
		return err
	})
	if err != nil || !mine {
		return false, err
	}
	address := ""
	if to != nil {
		address = map[string]string{schemas.ByWebhook: to.URL, schemas.ByMail: to.Mail}[w.notice.By]
	}
	if address == "" {
		return false, o.drop(ctx, w.id) // it wants to be told no more
	}
	send := o.Senders[w.notice.By]
	if send == nil {
		err = fmt.Errorf("the gateway's settings name no way to send by %s", w.notice.By)
	} else {
		err = send(ctx, *to, w.notice)
	}
	switch {
	case err == nil:
		return true, o.drop(ctx, w.id)
	case errors.Is(err, ErrGone) || w.tries+1 >= GiveUp:
		o.Log.Error("a notice was given up", "notice", w.id, "type", w.notice.Type, "to", w.notice.To, "by", w.notice.By,
			"tries", w.tries+1, "err", err)
		return false, o.drop(ctx, w.id)
	}
	o.Log.Warn("a notice could not be sent; it is tried again", "notice", w.id, "to", w.notice.To, "by", w.notice.By,
		"tries", w.tries+1, "in", pause(w.tries).String(), "err", err)
	return false, nil
}

// drop forgets a notice that was sent, or that nobody waits for any more.
func (o *Outbox) drop(ctx context.Context, id string) error {
	return o.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM notice WHERE id = ?`, id)
		if err != nil {
			return fmt.Errorf("forget a notice: %w", err)
		}
		return nil
	})
}
