package webtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"guichet/connectors/sharedtest"
)

// uses is how a trainer gets from an agreement to rows in her terminal: she begins a run, picks a table and a split of it,
// makes a lease, and runs the lines, each as it stands on the page. What was read is tied to the run.
func (p *Person) uses(agreement string, again bool) {
	t := p.t
	t.Helper()
	p.Go(agreement)
	p.Sees("What the lines are for", "plots · train", "weather", "No run is picked", "guichet login")
	p.opens("New run")
	p.Type("runname", "slurm-4711")
	p.Click("Begin the run")
	p.Sees("slurm-4711", "The lines below name this run")
	p.pick("data", "weather/all")
	p.Click("Fill in the lines")
	p.Sees("The lines below name this run")
	p.Click("Make a lease")
	p.Sees("This is shown once", "Make another")
	python := sharedtest.Python(t)
	env := "export PATH=" + filepath.Dir(python) + ":$PATH\n" + p.TextOf("#lease code") + "\n" // as after the line that installs libraries
	for _, id := range []string{"curlfirst", "curl", "python", "pythonall", "duckdb", "duckdball"} {
		lines := p.TextOf("#" + id + " code")
		if !strings.Contains(lines, "table=weather") || !strings.Contains(lines, "run=run-") {
			t.Errorf("the lines %s are for something else:\n%s", id, lines)
		}
		if again {
			continue
		}
		if !strings.HasPrefix(id, "curl") {
			lines = "python3 - <<'EOF'\n" + lines + "\nEOF"
		}
		pasted(t, "bash", env+lines+"\n")
	}
	if !again {
		p.installs(python)
		p.refused(python)
	}
	p.Click("Make another")
	p.Sees("This is shown once", "The lines below name this run")
	p.Click("To the run")
	p.Sees("slurm-4711", "How what is read is tied to it")
	if !again {
		p.Sees("weather")
	}
	p.Click("Runs")
	p.pick("project", "crop-yield-2027")
	p.Type("name", "by hand")
	p.Click("Begin the run")
	p.Sees("by hand", "Nothing was read in its name yet.", "--run run-")
	p.clickAt(`(//section[@id="tied"]//a)[1]`, "an agreement of its project")
	p.Sees("The lines below name this run", "by hand")
}

// installs runs the kit's lines in an environment of its own, into which the wheel comes from the site.
func (p *Person) installs(python string) {
	p.t.Helper()
	env := filepath.Join(p.t.TempDir(), "env")
	pasted(p.t, "bash", python+" -m venv "+env+"\nexport PATH="+env+"/bin:$PATH\n"+
		strings.Replace(p.TextOf("#kit code"), "pip install", "pip install -q --disable-pip-version-check --no-deps", 1)+"\n"+
		"export PYTHONPATH=$("+python+" -c 'import os, pyarrow; print(os.path.dirname(os.path.dirname(pyarrow.__file__)))')\n"+
		p.TextOf("#lease code")+"\npython3 - <<'EOF'\n"+p.TextOf("#kitfirst code")+"\nEOF\n")
}

// refused runs lines with a lease that is none: they say so, and leave no file.
func (p *Person) refused(python string) {
	p.t.Helper()
	for _, id := range []string{"curl", "curlfirst", "python"} {
		cmd := exec.Command("bash", "-c", p.TextOf("#"+id+" code"))
		if id == "python" {
			cmd = exec.Command(python, "-c", p.TextOf("#"+id+" code"))
		}
		cmd.Dir, cmd.Env = p.t.TempDir(), append(os.Environ(), "LEASE=none", "PATH="+filepath.Dir(python)+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		left, _ := os.ReadDir(cmd.Dir)
		if err == nil || !strings.Contains(string(out), `"status":401`) || strings.Contains(string(out), "Traceback") || len(left) > 0 {
			p.t.Errorf("%s: %v, leaves %v\n%s", id, err, left, out)
		}
	}
}
