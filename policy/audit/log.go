package audit

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"guichet/connectors/db"
	"guichet/schemas"
)

const (
	// startCheck is how many of the last leaves Start hashes again: the most
	// that one step took in the prototype, a few ms [decisions.md 31].
	startCheck = 4096
	// signEvery is the most that a signed head lags behind while things change.
	signEvery = time.Second
	// signWithin ends a signing whose database hangs: who asks for the head waits for it.
	signWithin = 10 * time.Second
	// lostHead ends the name of a head file that the operator put away.
	lostHead = ".lost"
)

// Log is the record of one database. Safe for concurrent use, except Step,
// which only the database's writer calls.
type Log struct {
	db       *db.DB
	key      *key
	headFile string
	log      *slog.Logger

	edge  *compactRange                 // the writer's: see Step
	fault atomic.Pointer[schemas.Error] // once set, nothing is signed or appended

	mu      sync.Mutex
	started bool
	head    Head // the last signed one
	signed  []byte
}

// New makes the log over db. skey is the log's signing key (NewKey), whose name
// is the log's origin; headFile, outside of the database and kept as carefully
// as it, holds the last signed checkpoint. A key derived from it binds stored nouns to the
// record (db.DB.SealWith). Hand Step to db.OnGroup, run db,
// then Start. Invalid: skey is not a key. A nil log is silent.
func New(db *db.DB, skey, headFile string, log *slog.Logger) (*Log, error) {
	k, err := parseKey(skey)
	if err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	seals, err := hkdf.Key(sha256.New, []byte(strings.TrimSpace(skey)), nil, "guichet nouns 1", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive the key of stored nouns: %w", err)
	}
	db.SealWith(seals)
	return &Log{db: db, key: k, headFile: headFile, log: log}, nil
}

// VKey is the log's public key, which verifiers need [C2SP signed-note].
func (l *Log) VKey() string { return l.key.vkey }

// Origin is the log's name.
func (l *Log) Origin() string { return l.key.Name() }

// fault is a fault of the record, which stops all writing until an officer has looked:
// going on would write over what can still be compared.
func fault(format string, args ...any) *schemas.Error {
	return &schemas.Error{Kind: schemas.Unavailable, Subject: "record", Message: fmt.Sprintf(format, args...),
		Remedy: "Keep this machine and its database as they are, tell the officer, and restore the last backup that starts " +
			"(docs/operate.md, Restore). Exported bundles verify without the gateway: guichet audit verify --key DATA/keys/log.pub BUNDLE."}
}

// refuse remembers a fault of the record for good; other errors pass.
func (l *Log) refuse(err error) error {
	if e, ok := errors.AsType[*schemas.Error](err); ok && e.Subject == "record" {
		l.fault.CompareAndSwap(nil, e)
	}
	return err
}

// Start checks the record before anything is served: that the tree covers the
// sequence, that the stored root is the tree's, that the last signed head is a
// prefix of it, that the last 4,096 leaves are what was hashed. If not, it
// returns Unavailable, which says what is wrong, and the log neither signs nor
// appends from then on. The first Start of a log appends log.start. It signs.
//
// A log that was started before and whose headFile is gone is refused too;
// an empty headFile says that the operator takes the record as it is.
func (l *Log) Start(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, err := l.check(ctx)
	if err != nil {
		return l.refuse(fmt.Errorf("start the record: %w", err))
	}
	begun, err := l.begun(ctx)
	if err != nil {
		return fmt.Errorf("start the record: %w", err)
	}
	if err := l.readHead(ctx, s, begun); err != nil {
		return l.refuse(fmt.Errorf("start the record: %w", err))
	}
	if !begun {
		err := l.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Append(ctx, schemas.Change{Kind: schemas.ChangeLogStart, Subject: l.Origin(),
				Values: map[string]string{"origin": l.Origin(), "vkey": l.VKey()}})
			return err
		})
		if err != nil {
			return fmt.Errorf("start the record: %w", err)
		}
	}
	l.started = true
	_, err = l.checkpoint(ctx)
	return err
}

// begun says whether an earlier Start wrote its change.
func (l *Log) begun(ctx context.Context) (bool, error) {
	var at int64
	err := l.db.QueryRow(ctx, "SELECT position FROM change WHERE kind = ? ORDER BY position LIMIT 1", schemas.ChangeLogStart).Scan(&at)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// check holds the stored tree against the sequence.
func (l *Log) check(ctx context.Context) (state, error) {
	s, err := readState(ctx, l.db)
	if err != nil {
		return s, err
	}
	if s.size != s.next {
		return s, fault("The tree covers %d records, the sequence has %d.", s.size, s.next)
	}
	e, err := loadEdge(ctx, l.db, s.size)
	if err != nil {
		return s, asFault(err)
	}
	if e.root() != s.root {
		return s, fault("The stored root of %d records is not the root of the stored tree.", s.size)
	}
	// The tree's root is checked whole, its leaves only as far as a start may take: an older
	// leaf that was edited is found by Verify.
	from := max(0, s.size-startCheck)
	var r Report
	r.FirstBad = -1
	if err := walkLeaves(ctx, l.db, from, s.size, &r); err != nil {
		return s, err
	}
	if r.FirstBad >= 0 {
		return s, fault("Record %d is not what was recorded: %s", r.FirstBad, r.Faults[0])
	}
	return s, nil
}

// asFault makes a fault of the record of a hash that is missing; errors of the
// database itself keep their kind.
func asFault(err error) error {
	if _, ok := errors.AsType[*schemas.Error](err); ok || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	f := fault("The stored tree has a hole.")
	f.Err = err
	return f
}

// readHead takes the last signed head from its file and holds it against s.
func (l *Log) readHead(ctx context.Context, s state, begun bool) error {
	b, err := os.ReadFile(l.headFile)
	if errors.Is(err, os.ErrNotExist) && !begun {
		return nil
	}
	if err == nil && len(b) == 0 {
		l.accepted(s, begun)
		return nil
	}
	if errors.Is(err, os.ErrNotExist) {
		f := fault("The file with the last signed head is gone.")
		f.Remedy = "Restore " + l.headFile + "; or, to take the record as it is, put an empty file in its place (docs/operate.md, Restore)."
		f.Err = err
		return f
	}
	if err != nil {
		return &schemas.Error{
			Kind: schemas.Unavailable, Subject: "head file", Message: "The file with the last signed head cannot be read.", Err: err}
	}
	h, err := openCheckpoint(b, l.key.verifier)
	if err != nil {
		f := fault("The file with the last signed head is not signed by this log's key.")
		f.Err = err
		return f
	}
	if h.Size == 0 {
		return fault("The signed head is of an empty record, which this log never signs.")
	}
	if err := l.contains(ctx, s, h); err != nil {
		return err
	}
	l.head = h
	if h.Size == s.size {
		l.signed = b
	}
	return nil
}

// accepted warns that the operator takes the record as it is, without a signed head to
// hold it against. The head that was lost tells how much is missing, where the operator
// moved it aside as docs/operate.md says.
func (l *Log) accepted(s state, begun bool) {
	if !begun {
		return
	}
	more := []any{"records", s.size}
	b, err := os.ReadFile(l.headFile + lostHead)
	if err == nil {
		h, err := openCheckpoint(b, l.key.verifier)
		if err == nil {
			more = append(more, "signed_before", h.Size)
		}
	}
	l.log.Warn("the operator takes the record as it is: its signed head was put away, and what is missing stays missing", more...)
}

// contains checks that the tree s has the signed head h as a prefix.
func (l *Log) contains(ctx context.Context, s state, h Head) error {
	switch {
	case h.Size == 0: // none was signed by this process yet
		return nil
	case h.Size > s.size:
		f := fault("The record was cut: %d records were signed, %d are there; record %d is the first that is missing.", h.Size, s.size, s.size)
		f.Remedy = "The database is older than the last signed head: put the newer database back. If it is lost, accept that " +
			"records from " + strconv.FormatInt(s.size, 10) + " on are missing: move " + l.headFile + " to " + l.headFile + lostHead +
			", put an empty file in its place, and start again (docs/operate.md, Restore)."
		return f
	case h.Size == s.size && h.Root != s.root:
		return fault("The record was changed: another root was signed for its %d records.", s.size)
	case h.Size == s.size:
		return nil
	}
	p, err := tlog.ProveTree(s.size, h.Size, stored(ctx, l.db))
	if err != nil {
		return asFault(err)
	}
	if err := tlog.CheckTree(p, s.size, s.root, h.Size, h.Root); err != nil {
		f := fault("The record was changed: its first %d records are not those that were signed.", h.Size)
		f.Err = err
		return f
	}
	return nil
}

// Run signs, at least every second while things change, until ctx ends; then
// it returns nil. It returns early only with a fault of the record. Start
// first.
func (l *Log) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var size int64
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		// Nothing is signed while nothing changes, and at most once a second while much does.
		if _, err := l.db.Wait(ctx, size); err != nil {
			return nil
		}
		short, cancel := context.WithTimeout(ctx, signWithin)
		_, err := l.Checkpoint(short)
		cancel()
		if f := l.fault.Load(); f != nil {
			return f
		}
		if err != nil && ctx.Err() == nil {
			l.log.Warn("record not signed", "error", err)
		} else {
			size = l.signedSize()
		}
		timer.Reset(signEvery)
	}
}

func (l *Log) signedSize() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head.Size
}
