package db_test

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/audit"
	"guichet/schemas"
)

// The tests below run this test program again as a child that does what its
// environment says, and kill or starve it.
const (
	envChild = "GUICHET_TEST_CHILD"
	envURL   = "GUICHET_TEST_URL"
	envKey   = "GUICHET_TEST_KEY"
	envHead  = "GUICHET_TEST_HEAD"
)

// childMain is the child; false in the test itself.
func childMain() bool {
	what := os.Getenv(envChild)
	if what == "" {
		return false
	}
	if err := runChild(what); err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(1)
	}
	return true
}

func runChild(what string) error {
	ctx := context.Background()
	db, err := db.Open(ctx, os.Getenv(envURL), nil)
	if err != nil {
		return err
	}
	log, err := audit.New(db, os.Getenv(envKey), os.Getenv(envHead), nil)
	if err != nil {
		return err
	}
	db.OnGroup(log.Step)
	go db.Run(ctx)
	if err := log.Start(ctx); err != nil {
		return err
	}
	if what == "full" {
		return fillDisk(ctx, db)
	}
	go log.Run(ctx)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for {
				p, err := appendOne(ctx, db)
				if err != nil {
					return
				}
				mu.Lock()
				fmt.Println(p) // acknowledged: one write, so whole or not at all
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return nil
}

func appendOne(ctx context.Context, database *db.DB) (int64, error) {
	var p *db.Position
	err := database.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		p, err = tx.Append(ctx, schemas.Change{Kind: schemas.ChangeReleaseBegin, Values: map[string]string{"dataset": "ds-1"}})
		return err
	})
	if err != nil {
		return 0, err
	}
	return p.Value(), nil
}

func child(t *testing.T, what, url, key, head string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envChild+"="+what, envURL+"="+url, envKey+"="+key, envHead+"="+head)
	cmd.Stderr = os.Stderr
	return cmd
}

// Acknowledged writes survive kill -9, and the tree is that of the leaves.
func TestKilled(t *testing.T) {
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			url, head := dbtest.URL(t, kind), filepath.Join(t.TempDir(), "head")
			skey, vkey, err := audit.NewKey("record.example")
			if err != nil {
				t.Fatal(err)
			}
			for round := range 5 {
				last := killOne(t, child(t, "write", url, skey, head), 200+150*round)
				db := dbtest.OpenURL(t, url)
				n, err := db.Head(context.Background())
				if err != nil || n <= last {
					t.Fatalf("round %d: head %d, %v; position %d was acknowledged", round, n, err, last)
				}
				signed, err := os.ReadFile(head)
				if err != nil {
					t.Fatal(err)
				}
				r, err := audit.VerifyDB(context.Background(), db, vkey, signed)
				if err != nil || !r.OK() || r.Records != n {
					t.Fatalf("round %d: %+v, %v", round, r, err)
				}
				db.Close()
			}
		})
	}
}

// killOne kills the child after it acknowledged some writes, and gives the
// highest position that it had acknowledged by its end.
func killOne(t *testing.T, cmd *exec.Cmd, after int) (last int64) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 1; lines.Scan(); n++ {
		p, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			break // cut by the kill
		}
		last = max(last, p)
		if n == after {
			cmd.Process.Kill()
		}
	}
	cmd.Wait()
	if last == 0 {
		t.Fatal("the child acknowledged nothing")
	}
	return last
}

// fillDisk makes files unable to grow, which SQLite sees as a full disk, and
// frees them again.
func fillDisk(ctx context.Context, db *db.DB) error {
	signal.Ignore(syscall.SIGXFSZ)
	if _, err := appendOne(ctx, db); err != nil {
		return err
	}
	before, err := db.Head(ctx)
	if err != nil {
		return err
	}
	limit := func(n uint64) error {
		return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: math.MaxUint64})
	}
	if err := limit(4096); err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make([]error, 50)
	for i := range errs {
		wg.Go(func() { _, errs[i] = appendOne(ctx, db) })
	}
	wg.Wait()
	for _, err := range errs {
		if err == nil || schemas.KindOf(err) != schemas.Unavailable {
			return fmt.Errorf("with a full disk: %v", err)
		}
	}
	if err := db.Ping(ctx); err != nil {
		return fmt.Errorf("reading with a full disk: %w", err)
	}
	if err := limit(math.MaxUint64); err != nil {
		return err
	}
	p, err := appendOne(ctx, db)
	if err != nil {
		return fmt.Errorf("with space again: %w", err)
	}
	if p != before {
		return fmt.Errorf("position %d after a full disk, want %d", p, before)
	}
	fmt.Println(errs[0])
	return nil
}

func TestDiskFull(t *testing.T) {
	url, head := dbtest.URL(t, dbtest.SQLite), filepath.Join(t.TempDir(), "head")
	skey, vkey, err := audit.NewKey("record.example")
	if err != nil {
		t.Fatal(err)
	}
	out, err := child(t, "full", url, skey, head).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Logf("callers are told: %s", out)
	signed, err := os.ReadFile(head)
	if err != nil {
		t.Fatal(err)
	}
	db := dbtest.OpenURL(t, url)
	if r, err := audit.VerifyDB(context.Background(), db, vkey, signed); err != nil || !r.OK() || r.Records != 3 {
		t.Errorf("%+v, %v", r, err)
	}
}
