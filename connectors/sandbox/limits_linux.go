package sandbox

import (
	"errors"
	"os"
	"os/exec"
	"runtime/debug"
	"syscall"
	"time"
)

// rlimitData is RLIMIT_DATA: heap and private writable mappings. RLIMIT_AS would
// stop Go itself, which reserves more than a gibibyte [decisions.md 27].
const rlimitData = 2

// confine lowers the limits of this process, for good; most is how long a file it may
// write.
func confine(l Limits, most int64) error {
	debug.SetMemoryLimit(l.Memory * 3 / 4)
	debug.SetGCPercent(50)
	cpu := uint64(max((l.CPU+l.CPU/restAfter)/time.Second, 1))
	return errors.Join(
		setLimit(syscall.RLIMIT_CORE, 0, 0),
		setLimit(syscall.RLIMIT_CPU, cpu, cpu+1),
		setLimit(syscall.RLIMIT_NOFILE, l.Files, l.Files),
		setLimit(syscall.RLIMIT_FSIZE, uint64(most), uint64(most)),
		setLimit(rlimitData, uint64(l.Memory), uint64(l.Memory)),
	)
}

func setLimit(what int, soft, hard uint64) error {
	return syscall.Setrlimit(what, &syscall.Rlimit{Cur: soft, Max: hard})
}

// isolate starts cmd in new namespaces, as found by separation, and makes it die
// with us.
func isolate(cmd *exec.Cmd, namespaces uintptr) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Cloneflags: namespaces}
	if namespaces&syscall.CLONE_NEWUSER != 0 {
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
	}
}

// separation tries in which way a process may be started in an empty network:
// with a user namespace, as root without, or not at all (0).
func separation(executable string) uintptr {
	for _, ns := range []uintptr{syscall.CLONE_NEWNET | syscall.CLONE_NEWUSER, syscall.CLONE_NEWNET} {
		cmd := exec.Command(executable, verb, "trial")
		isolate(cmd, ns)
		cmd.Env = []string{}
		cmd.WaitDelay = time.Second
		if cmd.Run() == nil {
			return ns
		}
	}
	return 0
}

func cpuSpent(s *os.ProcessState) bool {
	w, ok := s.Sys().(syscall.WaitStatus)
	return ok && w.Signaled() && w.Signal() == syscall.SIGXCPU
}

func killed(s *os.ProcessState) bool {
	w, ok := s.Sys().(syscall.WaitStatus)
	return ok && w.Signaled() && w.Signal() == syscall.SIGKILL
}

// full says whether an error is that a disk, or what may be used of it, is full.
func full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// processorTime is what this process has used.
func processorTime() time.Duration {
	var u syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	if err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
