package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The program sees the limits that it is started under, and says which counts.
func TestMemoryOfTheProgram(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	for name, c := range map[string]struct{ limit, env, want string }{
		"ulimit":     {"ulimit -d 3145728", "", "768MiB (default: a quarter of 3072 MiB, by the limit of data (ulimit -d))"},
		"GOMEMLIMIT": {"ulimit -d 3145728", "GOMEMLIMIT=2GiB", "512MiB (default: a quarter of 2048 MiB, by GOMEMLIMIT)"},
	} {
		inner := guichetCommand("config", "--explain")
		cmd := exec.Command("bash", append([]string{"-c", c.limit + ` && exec -a guichet "$0" "$@"`, inner.Path}, inner.Args[1:]...)...)
		cmd.Env = append(os.Environ(), "GUICHET_DATA="+data)
		if c.env != "" {
			cmd.Env = append(cmd.Env, c.env)
		}
		out, _ := cmd.CombinedOutput() // settings without an issuer are no whole ones
		line := ""
		for l := range strings.Lines(string(out)) {
			if strings.HasPrefix(l, "memory ") {
				line = strings.Join(strings.Fields(strings.TrimPrefix(l, "memory ")), " ")
			}
		}
		value, why, _ := strings.Cut(line, " ")
		if value+" ("+why+")" != c.want {
			t.Errorf("%s: %q, want %q\n%s", name, line, c.want, out)
		}
	}
}
