package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// defaultMemory is what streams hold together where nothing is set: a quarter of the
// machine's memory or of what the process may have of it, at the least 1 GiB.
func defaultMemory() string {
	n := machineMemory("/proc/meminfo", "/sys/fs/cgroup/memory.max") / 4
	return fmt.Sprintf("%dMiB", max(n>>20, 1<<10))
}

// machineMemory reads the smaller of what the machine has and what the process's group
// may use, in bytes; 0 where neither is known.
func machineMemory(meminfo, group string) int64 {
	var most int64
	b, err := os.ReadFile(meminfo)
	if err == nil {
		for line := range strings.Lines(string(b)) {
			words := strings.Fields(line)
			if len(words) == 3 && words[0] == "MemTotal:" && words[2] == "kB" {
				n, _ := strconv.ParseInt(words[1], 10, 54) // 0 where it is none
				most = n << 10
			}
		}
	}
	b, err = os.ReadFile(group)
	if err == nil {
		n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64) // "max" is none
		if err == nil && n > 0 && (most == 0 || n < most) {
			most = n
		}
	}
	return most
}
