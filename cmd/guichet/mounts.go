package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"guichet/cmd/guichet/args"
	"guichet/cmd/guichet/files"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/connectors/mount"
	"guichet/connectors/staged"
	"guichet/schemas"
)

// shown is which of an agreement's data become files.
type shown struct {
	Version string    `help:"Version; the newest that the agreement covers when left out." placeholder:"ID"`
	Table   string    `help:"Only this table." placeholder:"NAME"`
	Columns args.Some `help:"Only these columns, separated by commas; of several tables name the one that has them." placeholder:"NAMES"`
	RunID   string    `name:"run" help:"Id of the run." placeholder:"ID"`
}

// what gives the files of an agreement, or of a staged copy where from is its folder, and what ends
// them. What programs see as an error number is told here in words.
func (v shown) what(ctx context.Context, t *terminal.Terminal, g *grammar, from string) (mount.What, func() error, error) {
	what := mount.What{Tell: func(text string) { fmt.Fprintln(t.Err, "guichet:", seenLines(text)) }}
	if !staged.IsCopy(from) && !strings.ContainsRune(from, os.PathSeparator) { // no id has one
		c, err := g.client(ctx)
		if err != nil {
			return what, nil, err
		}
		what.Source = c.Files(client.FilesOf{
			Agreement: schemas.AgreementID(from), Run: schemas.RunID(v.RunID), Version: schemas.VersionID(v.Version),
			Table: v.Table, Columns: string(v.Columns),
		})
		return what, func() error { return nil }, nil
	}
	if v != (shown{}) {
		return what, nil, schemas.BadField("copy", "--version",
			"what a staged copy has was said when it was staged: leave out --version, --table, --columns and --run")
	}
	c, err := staged.Open(from)
	if err != nil {
		return what, nil, err
	}
	s, err := c.Source()
	if err != nil {
		return what, nil, errors.Join(err, c.Close())
	}
	what.Source = s
	return what, func() error { return errors.Join(s.Close(), c.Close()) }, nil
}

// mountCmd shows an agreement as files until it is stopped.
type mountCmd struct {
	From string `arg:"" name:"agreement" help:"Id of the agreement, or the folder of a staged copy."`
	Dir  string `arg:"" help:"An empty folder." type:"existingdir"`
	shown
}

// Run mounts, and waits for the end.
func (v mountCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) (err error) {
	what, end, err := v.what(ctx, t, g, v.From)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	m, err := mount.Mount(ctx, v.Dir, what)
	if err != nil {
		return err
	}
	rows, files := m.Rows()
	if t.JSON {
		err = t.Print(map[string]any{"folder": v.Dir, "files": files, "rows": rows})
	} else {
		fmt.Fprintf(t.Out, "%s in %s at %s, until Ctrl-C or fusermount3 -u\n", terminal.Plural(rows, "row", "rows"),
			terminal.Plural(files, "file", "files"), v.Dir)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		m.Wait()
	}()
	select {
	case <-over:
		return err
	case <-ctx.Done():
		return errors.Join(err, m.Unmount())
	}
}

// filesCmd copies objects into a folder.
type filesCmd struct {
	Agreement string `arg:"" help:"Id of the agreement."`
	Dir       string `arg:"" help:"A folder; what of them is there already is not read again." type:"existingdir"`
	Version   string `help:"Version; the newest that the agreement covers when left out." placeholder:"ID"`
	Table     string `help:"Only this table." placeholder:"NAME"`
	RunID     string `name:"run" help:"Id of the run." placeholder:"ID"`
}

// Run fetches.
func (v filesCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	id := schemas.AgreementID(v.Agreement)
	leased := c.As(c.Renewing(schemas.RunID(v.RunID), id))
	var m schemas.Manifest
	err = leased.Get(ctx, "/agreements/"+v.Agreement+"/manifest"+client.Query("version", v.Version, "table", v.Table, "run", v.RunID), &m)
	if err != nil {
		return err
	}
	got, err := files.Fetch(ctx, t, leased, id, &m, v.Dir)
	if err != nil {
		return ended(ctx, c, id, err)
	}
	if t.JSON {
		return t.Print(got)
	}
	fmt.Fprintf(t.Out, "%s, %s in %s", terminal.Plural(got.Files, "file", "files"), terminal.Size(got.Bytes), got.Folder)
	if got.There > 0 {
		fmt.Fprintf(t.Out, "; %s there already", terminal.Plural(got.There, "was", "were"))
	}
	fmt.Fprintln(t.Out)
	return nil
}

// execCmd runs a command over an agreement's files.
type execCmd struct {
	From    string   `arg:"" name:"agreement" help:"Id of the agreement, or the folder of a staged copy."`
	Command []string `arg:"" passthrough:"" help:"The command with what it is given, after --."`
	HTTP    bool     `help:"Where nothing can be mounted: $GUICHET_DATA is an address of this machine, below which the files are."`
	shown
}

// Run mounts where only this user looks, runs the command, and gives its exit status.
func (v execCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) (err error) {
	if len(v.Command) > 0 && v.Command[0] == "--" {
		v.Command = v.Command[1:]
	}
	if len(v.Command) == 0 {
		return schemas.BadField("exec", "command", "say which command: guichet exec AGREEMENT -- python train.py")
	}
	what, end, err := v.what(context.WithoutCancel(ctx), t, g, v.From)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	at, over, err := v.show(context.WithoutCancel(ctx), what)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, over()) }()
	return v.run(t, at)
}

// show shows the files where only this user looks, and gives where, and what ends it.
func (v execCmd) show(ctx context.Context, what mount.What) (at string, over func() error, err error) {
	if v.HTTP {
		s, err := mount.Serve(ctx, what)
		if err != nil {
			return "", nil, err
		}
		return s.Address, s.Close, nil
	}
	dir, err := os.MkdirTemp("", "guichet-")
	if err != nil {
		return "", nil, fmt.Errorf("make a folder: %w", err)
	}
	m, err := mount.Mount(ctx, dir, what)
	if err != nil {
		return "", nil, errors.Join(err, os.Remove(dir))
	}
	return dir, func() error { return errors.Join(m.Unmount(), os.Remove(dir)) }, nil
}

// run runs the command to its end.
func (v execCmd) run(t *terminal.Terminal, at string) error {
	cmd := exec.Command(v.Command[0], v.Command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = t.In, t.Out, t.Err
	cmd.Env = append(os.Environ(), "GUICHET_DATA="+at)
	if v.HTTP { // what is served on this machine is asked of no proxy, which would see the address
		for _, name := range []string{"no_proxy", "NO_PROXY"} {
			cmd.Env = append(cmd.Env, name+"="+strings.Trim(os.Getenv(name)+",127.0.0.1", ","))
		}
	}
	// The command ends by its own will, also where a scheduler asks or the terminal is gone: its data stay until then.
	asked := make(chan os.Signal, 4)
	signal.Notify(asked, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		signal.Notify(asked, syscall.SIGHUP)
	}
	defer signal.Stop(asked)
	err := cmd.Start()
	if err != nil {
		return schemas.Errorf(schemas.Invalid, "command", "the command cannot be run: %w", err)
	}
	over := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-asked:
				_ = cmd.Process.Signal(s) // one that is over has nothing to end
			case <-over:
				return
			}
		}
	}()
	err = cmd.Wait()
	close(over)
	return err
}
