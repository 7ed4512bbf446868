package serve

import (
	"errors"
	"math"
	"os"
	"syscall"
	"testing"
)

// The smallest limit that the process runs under counts, whoever set it.
func TestMemoryBound(t *testing.T) {
	t.Parallel()
	const info = "MemTotal:       16384000 kB\nMemFree:  1 kB\n"
	const machine = 16384000 << 10
	none := map[int]uint64{}
	for name, c := range map[string]struct {
		files   map[string]string
		rlimits map[int]uint64
		goLimit int64
		want    int64
		why     string
	}{
		"nothing known":      {nil, none, 0, 0, ""},
		"the machine":        {map[string]string{"/proc/meminfo": info}, none, 0, machine, "the machine"},
		"nonsense":           {map[string]string{"/proc/meminfo": "MemTotal: much kB\n", "/sys/fs/cgroup/memory.max": "-1\n"}, none, 0, 0, ""},
		"a group of all":     {map[string]string{"/proc/meminfo": info, "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "max\n"}, none, 0, machine, "the machine"},
		"a container's":      {map[string]string{"/proc/meminfo": info, "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "2147483648\n"}, none, 0, 2 << 30, "the control group /"},
		"no list of groups":  {map[string]string{"/proc/meminfo": info, "/sys/fs/cgroup/memory.max": "2147483648\n"}, none, 0, 2 << 30, "the control group /"},
		"a service's":        {map[string]string{"/proc/meminfo": info, "/proc/self/cgroup": "0::/system.slice/guichet.service\n", "/sys/fs/cgroup/system.slice/guichet.service/memory.max": "1073741824\n"}, none, 0, 1 << 30, "the control group /system.slice/guichet.service"},
		"the level above":    {map[string]string{"/proc/meminfo": info, "/proc/self/cgroup": "0::/system.slice/guichet.service\n", "/sys/fs/cgroup/system.slice/guichet.service/memory.max": "max\n", "/sys/fs/cgroup/system.slice/memory.max": "536870912\n"}, none, 0, 512 << 20, "the control group /system.slice"},
		"high before max":    {map[string]string{"/proc/meminfo": info, "/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/a/memory.max": "1073741824\n", "/sys/fs/cgroup/a/memory.high": "805306368\n"}, none, 0, 768 << 20, "the control group /a"},
		"version 1":          {map[string]string{"/proc/meminfo": info, "/proc/self/cgroup": "5:cpu:/x\n4:hugetlb,memory:/docker/abc\n", "/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "1073741824\n"}, none, 0, 1 << 30, "the control group /docker/abc"},
		"version 1, inside":  {map[string]string{"/proc/meminfo": info, "/proc/self/cgroup": "4:memory:/docker/abc\n", "/sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n"}, none, 0, 1 << 30, "the control group /"},
		"version 1, no end":  {map[string]string{"/proc/meminfo": info, "/proc/self/cgroup": "4:memory:/\n", "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, none, 0, machine, "the machine"},
		"both versions":      {map[string]string{"/proc/meminfo": info, "/proc/self/cgroup": "4:memory:/m\n0::/m\n", "/sys/fs/cgroup/memory/m/memory.limit_in_bytes": "1073741824\n", "/sys/fs/cgroup/unified/m/memory.max": "536870912\n"}, none, 0, 512 << 20, "the control group /m"},
		"a path out of it":   {map[string]string{"/proc/meminfo": info, "/proc/self/cgroup": "0::/../../x\n", "/sys/fs/cgroup/memory.max": "1073741824\n"}, none, 0, 1 << 30, "the control group /"},
		"ulimit -v":          {map[string]string{"/proc/meminfo": info}, map[int]uint64{syscall.RLIMIT_AS: 4 << 30, syscall.RLIMIT_DATA: 5 << 30}, 0, 4 << 30, "the limit of address space (ulimit -v)"},
		"ulimit -d":          {map[string]string{"/proc/meminfo": info}, map[int]uint64{syscall.RLIMIT_AS: math.MaxUint64, syscall.RLIMIT_DATA: 3 << 30}, 0, 3 << 30, "the limit of data (ulimit -d)"},
		"GOMEMLIMIT":         {map[string]string{"/proc/meminfo": info}, map[int]uint64{syscall.RLIMIT_DATA: 3 << 30}, 2 << 30, 2 << 30, "GOMEMLIMIT"},
		"larger than it has": {map[string]string{"/proc/meminfo": info}, map[int]uint64{syscall.RLIMIT_DATA: 1 << 40}, 1 << 41, machine, "the machine"},
	} {
		s := system{goLimit: c.goLimit, read: func(file string) ([]byte, error) {
			text, ok := c.files[file]
			if !ok {
				return nil, os.ErrNotExist
			}
			return []byte(text), nil
		}, rlimit: func(which int) (uint64, error) {
			n, ok := c.rlimits[which]
			if !ok {
				return 0, errors.New("not known")
			}
			return n, nil
		}}
		if s.goLimit == 0 {
			s.goLimit = math.MaxInt64
		}
		if got := s.memory(); got.bytes != c.want || c.want > 0 && got.why != c.why {
			t.Errorf("%s: %d bytes by %s, want %d by %s", name, got.bytes, got.why, c.want, c.why)
		}
	}
}

// What is taken of the bound never is more than the bound, however small it is.
func TestMemoryShares(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		bytes       int64
		memory      string
		connections int
		uploads     int
	}{{0, "1024MiB", 8192, 64}, {256 << 20, "64MiB", 512, 2}, {2 << 30, "512MiB", 4096, 16}, {3 << 30, "768MiB", 6144, 24}, {64 << 30, "16384MiB", 8192, 64}} {
		b := bound{bytes: c.bytes}
		if b.defaultMemory() != c.memory || b.connections(8192) != c.connections || b.uploads(64) != c.uploads {
			t.Errorf("of %d bytes: %s for streams, %d connections, %d uploads", c.bytes, b.defaultMemory(), b.connections(8192), b.uploads(64))
		}
	}
}
