package serve

import (
	"fmt"
	"log/slog"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
)

// Shares of the memory that the process may have. What is left is for the process
// itself and for what a garbage collector needs beside.
const (
	streamShare     = 4        // a quarter is for what streams hold of the stores' bytes
	connectionShare = 8        // an eighth is for what doors and transports buffer for connections
	perConnection   = 64 << 10 // of buffers: HTTP/2 frames and headers, TLS, what a call of Flight encodes
	uploadShare     = 16       // a sixteenth is for parts of files that are uploaded
	perUpload       = 8 << 20  // of a file, held until the store has it
	softShare       = 9        // tenths of it, at which the collector works harder
)

// bound is how much memory the process may have, in bytes, and what says so; 0 where
// nothing does.
type bound struct {
	bytes int64
	why   string
}

// system is what says how much memory the process may have; tests have their own.
type system struct {
	read    func(file string) ([]byte, error)
	rlimit  func(which int) (cur uint64, err error)
	goLimit int64 // GOMEMLIMIT; math.MaxInt64 when not set
}

// thisSystem is the machine on which the process runs.
func thisSystem() system {
	return system{read: os.ReadFile, goLimit: debug.SetMemoryLimit(-1), rlimit: func(which int) (uint64, error) {
		var l syscall.Rlimit
		err := syscall.Getrlimit(which, &l)
		return l.Cur, err
	}}
}

// memory is the smallest of all limits that the process runs under: the machine's
// memory, those of its control groups at every level, of its address space and data,
// and Go's own.
func (s system) memory() bound {
	least := bound{s.machine(), "the machine"}
	take := func(n int64, why string) {
		if n > 0 && (least.bytes == 0 || n < least.bytes) {
			least = bound{n, why}
		}
	}
	s.groups(take)
	for _, r := range []struct {
		which int
		why   string
	}{{syscall.RLIMIT_AS, "the limit of address space (ulimit -v)"}, {syscall.RLIMIT_DATA, "the limit of data (ulimit -d)"}} {
		n, err := s.rlimit(r.which)
		if err == nil && n < math.MaxInt64 { // no limit is the largest number that there is
			take(int64(n), r.why)
		}
	}
	if s.goLimit < math.MaxInt64 {
		take(s.goLimit, "GOMEMLIMIT")
	}
	return least
}

// machine reads the machine's memory; 0 where it is not known.
func (s system) machine() int64 {
	b, err := s.read("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		words := strings.Fields(line)
		if len(words) == 3 && words[0] == "MemTotal:" && words[2] == "kB" {
			n, _ := strconv.ParseInt(words[1], 10, 53) // 0 where it is none
			return max(n, 0) << 10
		}
	}
	return 0
}

// groups reads the limits of the process's control groups, of both versions, at every
// level: each may be smaller than the one below it. In a container the group's path
// may be one of the host's, of which only the uppermost level is there.
func (s system) groups(take func(n int64, why string)) {
	b, err := s.read("/proc/self/cgroup")
	if err != nil {
		b = []byte("0::/\n")
	}
	for line := range strings.Lines(string(b)) { // number:controllers:path
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		var roots, files []string
		switch {
		case parts[1] == "":
			roots, files = []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}, []string{"memory.max", "memory.high"}
		case strings.Contains(","+parts[1]+",", ",memory,"):
			roots, files = []string{"/sys/fs/cgroup/memory"}, []string{"memory.limit_in_bytes"}
		}
		for at := path.Clean("/" + parts[2]); ; at = path.Dir(at) {
			for _, root := range roots {
				for _, file := range files {
					take(s.number(path.Join(root, at, file)), "the control group "+at)
				}
			}
			if at == "/" {
				break
			}
		}
	}
}

// number reads a file of one number; 0 where it is none, or so large that it is no limit.
func (s system) number(file string) int64 {
	b, err := s.read(file)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64) // "max" is none
	if err != nil || n > 1<<60 {
		return 0
	}
	return n
}

// defaultMemory is what streams hold together where nothing is set.
func (b bound) defaultMemory() string {
	if b.bytes == 0 {
		return "1024MiB"
	}
	return fmt.Sprintf("%dMiB", max(b.bytes/streamShare, leastMemory)>>20)
}

// connections is how many there is memory for, at most the limit of the settings; 0
// leaves that.
func (b bound) connections(limit int) int {
	if b.bytes == 0 {
		return limit
	}
	return max(min(limit, int(b.bytes/connectionShare/perConnection)), 64)
}

// uploads is how many files may be uploaded at once: no more than limit, and than
// their share of the memory holds, of at least 2.
func (b bound) uploads(limit int) int {
	if b.bytes == 0 {
		return limit
	}
	return max(min(limit, int(b.bytes/uploadShare/perUpload)), 2)
}

// fit makes the process keep to what it may have, and logs how much that is and what it
// is for.
func (b bound) fit(c *Config, log *slog.Logger) {
	limits := c.Limits.Filled()
	room := b.connections(limits.Connections)
	var files syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files)
	if err == nil && files.Cur/2 < uint64(room) { // the other half is for stores, the database and shards being made
		room = int(files.Cur / 2)
	}
	if room < limits.Connections {
		c.Limits.Connections = room
	}
	c.Limits.Incoming = b.uploads(limits.Incoming)
	memory, err := c.memory() // checked before
	if err != nil || b.bytes == 0 {
		return
	}
	if debug.SetMemoryLimit(-1) == math.MaxInt64 && b.why != "the machine" {
		debug.SetMemoryLimit(b.bytes / 10 * softShare)
	}
	log.Info("memory", "may have MiB", b.bytes>>20, "says", b.why, "for streams MiB", memory>>20, "set by",
		c.origins["memory"], "connections", room)
	if memory > b.bytes/2 {
		log.Warn("the setting memory leaves little for anything but streams: the process may be ended while many run",
			"memory MiB", memory>>20, "may have MiB", b.bytes>>20, "says", b.why)
	}
}
