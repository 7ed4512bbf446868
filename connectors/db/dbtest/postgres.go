package dbtest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"database/sql"
)

// postgres is a running cluster.
type postgres struct {
	dir   string
	keep  io.Closer // the pipe whose end ends the cluster
	count atomic.Int64
}

// The cluster is the process's, since starting one takes a second and tests
// have no common end: a pipe held by this process ends it.
var (
	once    sync.Once
	started *postgres
	reason  error
)

func cluster(t testing.TB) *postgres {
	t.Helper()
	once.Do(func() { started, reason = start() })
	if reason == nil {
		return started
	}
	if errors.Is(reason, exec.ErrNotFound) && os.Getenv("CI") != "true" && os.Getenv("SETUP") != "1" {
		t.Skipf("PostgreSQL: %v", reason)
	}
	t.Fatalf("PostgreSQL: %v", reason)
	return nil
}

func (p *postgres) url(schema string) string {
	return "postgres:///postgres?host=" + p.dir + "&user=guichet&sslmode=disable&search_path=" + schema
}

// script runs postgres until standard input ends, which it does when the test
// process is gone for whatever reason, and removes the cluster.
const script = `
bin=$1 dir=$2
"$bin/postgres" -D "$dir/data" -k "$dir" &
pid=$!
cat >/dev/null
kill -QUIT $pid
wait $pid
rm -rf "$dir"
`

func start() (*postgres, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("/tmp", "guichet-pg-") // short: a socket's path has 107 bytes
	if err != nil {
		return nil, err
	}
	attr := new(syscall.SysProcAttr)
	if os.Getuid() == 0 { // postgres refuses to run as root
		cred, err := unprivileged()
		if err != nil {
			return nil, err
		}
		attr.Credential = cred
		if err := os.Chown(dir, int(cred.Uid), int(cred.Gid)); err != nil {
			return nil, err
		}
	}
	init := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "guichet", "-A", "trust",
		"-E", "UTF8", "--locale=C", "--no-sync")
	init.SysProcAttr, init.Dir = attr, dir
	if out, err := init.CombinedOutput(); err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	if err := configure(filepath.Join(dir, "data", "postgresql.auto.conf")); err != nil {
		return nil, err
	}
	attr = &syscall.SysProcAttr{Credential: attr.Credential, Setpgid: true} // an interrupt of the test is not for it
	run := exec.Command("/bin/sh", "-c", script, "sh", bin, dir)
	run.SysProcAttr, run.Dir = attr, dir
	logFile, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer logFile.Close()
	run.Stdout, run.Stderr = logFile, logFile
	pipe, err := run.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := run.Start(); err != nil {
		return nil, err
	}
	p := &postgres{dir: dir, keep: pipe}
	return p, p.ready()
}

// configure writes what ALTER SYSTEM can change again: tests need no durability
// against a loss of power, benchmarks switch it on.
func configure(file string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString("listen_addresses = ''\nfsync = off\nmax_connections = 1000\nshared_buffers = '32MB'\n")
	return errors.Join(err, f.Close())
}

// ready waits until the server takes connections.
func (p *postgres) ready() error {
	db, err := sql.Open("pgx", p.url("public"))
	if err != nil {
		return err
	}
	defer db.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 1500 {
		if err = db.Ping(); err == nil {
			return nil
		}
		<-tick.C
	}
	p.keep.Close()
	return fmt.Errorf("no answer in 30 s: %w", err)
}

// binaries finds the folder of initdb: on the PATH, or the newest of Debian's.
func binaries() (string, error) {
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", fmt.Errorf("initdb is neither on the PATH nor under /usr/lib/postgresql: %w", exec.ErrNotFound)
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}

func unprivileged() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("no user postgres or nobody to run it as")
}
