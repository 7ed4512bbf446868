package db

import (
	"context"
	"sync"
	"time"
)

// probe is the last look whether the database takes writes.
type probe struct {
	mu      sync.Mutex
	at      time.Time     // when it ended
	err     error         // of it
	running chan struct{} // closed when the one under way has ended; nil when none is
}

// probeEvery bounds how often the disk is asked, whoever wants to know.
const probeEvery = time.Second

// Writable says whether the database takes writes, and stores them durably, as of the
// last second: reading alone shows neither a full disk nor a process that holds the head
// of the sequence. Unavailable if not, ctx's error while that is not known yet.
func (db *DB) Writable(ctx context.Context) error {
	p := &db.probe
	p.mu.Lock()
	if p.running == nil && time.Since(p.at) < probeEvery {
		defer p.mu.Unlock()
		return p.err
	}
	if p.running == nil {
		done := make(chan struct{})
		p.running = done
		go func() { // ends with its write, which every writer bounds
			defer close(done)
			err := db.Write(context.WithoutCancel(ctx), func(ctx context.Context, tx *Tx) error {
				_, err := tx.Exec(ctx, "UPDATE write_probe SET at = ? WHERE one = 1", time.Now().UnixMicro())
				return err
			})
			p.mu.Lock()
			defer p.mu.Unlock()
			p.at, p.err, p.running = time.Now(), err, nil
		}()
	}
	running := p.running
	p.mu.Unlock()
	select {
	case <-running:
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
